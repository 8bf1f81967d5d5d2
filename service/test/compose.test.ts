import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';

import { compose } from '../src/compose.ts';
import { parseConfig } from '../src/config.ts';
import { createDatabase } from '../src/database/create-database.ts';
import { createDatabaseMetrics } from '../src/database/database-metrics.ts';
import type { Database } from '../src/database/database.ts';

/** A service on a SQLite file, whose migration waits for `open`. */
function composeWithHeldMigration() {
  const directory = mkdtempSync(join(tmpdir(), 'ticketing-compose-'));
  const config = parseConfig({
    PORT: '0',
    ADMIN_PORT: '0',
    API_TOKEN: 'canary-token-8d20c4e1',
    DATABASE_URL: `sqlite:${join(directory, 'ticketing.db')}`,
    DATABASE_POOL_SIZE: '1',
  });
  const logger = pino({ level: 'silent' });
  const real = createDatabase(config.database, { metrics: createDatabaseMetrics(new Registry()), logger });
  onTestFinished(async () => {
    await real.close();
    rmSync(directory, { recursive: true });
  });
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const database: Database = {
    ...real,
    async transaction(name, work) {
      entered.resolve();
      await gate.promise;
      return real.transaction(name, work);
    },
    close: () => Promise.resolve(),
  };
  return { service: compose(config, logger, { database }), entered: entered.promise, open: gate.resolve };
}

it('does not come up when it was stopped while the database was prepared', async () => {
  const { service, entered, open } = composeWithHeldMigration();
  const outcome = service.start().catch(String);
  await entered;
  await service.stop();
  open();
  expect(await outcome).toBe('Error: stopped while it was starting');
});

it('comes up when nobody stops it', async () => {
  const { service, entered, open } = composeWithHeldMigration();
  const started = service.start();
  await entered;
  open();
  const { apiPort } = await started;
  expect((await fetch(`http://127.0.0.1:${apiPort}/version`)).status).toBe(200);
  await service.stop();
});
