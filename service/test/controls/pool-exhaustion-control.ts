import type { CatalogRepository } from '../../src/catalog/catalog-repository.ts';
import type { Database } from '../../src/database/database.ts';
import { createAnnouncement, createAnnouncingCatalog } from './announcing-catalog.ts';
import { createNPlusOneCatalog } from './n-plus-one-catalog.ts';
import { runControlledService } from './run-controlled-service.ts';

/**
 * The service as it is when its pool runs dry, and as it is when that has been mended, with the service's own
 * environment:
 * `node service/test/controls/pool-exhaustion-control.ts held-transaction http://127.0.0.1:<port of a partner>`.
 * What mends `n-plus-one` is the service itself.
 */
const variants: Readonly<Record<string, (database: Database, partnerUrl: string) => CatalogRepository>> = {
  /** Wrong on purpose. */
  'held-transaction': (database, partnerUrl) =>
    createAnnouncingCatalog(database, { announce: createAnnouncement(partnerUrl), when: 'in-transaction' }),
  /** The same service, mended. */
  'call-after-commit': (database, partnerUrl) =>
    createAnnouncingCatalog(database, { announce: createAnnouncement(partnerUrl), when: 'after-commit' }),
  /** Wrong on purpose. */
  'n-plus-one': createNPlusOneCatalog,
};

const [name = '', partnerUrl = ''] = process.argv.slice(2);
const createCatalog = variants[name];
if (!createCatalog) throw new Error(`there is no variant "${name}": there are ${Object.keys(variants).join(', ')}`);
if (name !== 'n-plus-one' && !URL.canParse(partnerUrl)) {
  throw new Error(`${name} tells a partner: give it an address, got "${partnerUrl}"`);
}
await runControlledService(name, () => ({
  overrides: { createCatalogRepository: (database) => createCatalog(database, partnerUrl) },
}));
