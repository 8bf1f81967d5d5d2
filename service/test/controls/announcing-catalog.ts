import type { CatalogRepository } from '../../src/catalog/catalog-repository.ts';
import { createCatalogRepository } from '../../src/database/catalog-repository.ts';
import type { Database } from '../../src/database/database.ts';

/** When a change is told to the partner: before it is committed, or behind it. */
export type AnnouncedWhen = 'in-transaction' | 'after-commit';

/**
 * The catalogue of a service that tells a partner of every changed performance. `in-transaction` is wrong on purpose,
 * and often meant well: "both or nothing". The connection, and the lock of the row, are kept for as long as the partner
 * takes, and nothing is rolled back there when the commit fails.
 */
export function createAnnouncingCatalog(
  database: Database,
  { announce, when }: { readonly announce: () => Promise<void>; readonly when: AnnouncedWhen },
): CatalogRepository {
  return createCatalogRepository({
    ...database,
    async transaction(name, work, options) {
      if (name !== 'change-performance') return database.transaction(name, work, options);
      if (when === 'after-commit') {
        const result = await database.transaction(name, work, options);
        await announce();
        return result;
      }
      const announced: typeof work = async (transaction) => {
        const result = await work(transaction);
        await announce();
        return result;
      };
      return database.transaction(name, announced, options);
    },
  });
}

/** A call of the partner, to whom it may take as long as it likes. @throws when it is not answered with 2xx */
export function createAnnouncement(partnerUrl: string): () => Promise<void> {
  return async () => {
    const response = await fetch(partnerUrl, { method: 'POST' });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`the partner answered ${response.status}`);
  };
}
