import { Registry } from 'prom-client';

import { parseDatabaseConfig, readEnvironment } from './config.ts';
import { createDatabase } from './database/create-database.ts';
import { createDatabaseMetrics } from './database/database-metrics.ts';
import { migrate } from './database/migrate.ts';

/** Migrates the database of DATABASE_URL, and says how far as one line of JSON. A deployment does it before it starts anything. */
async function main(): Promise<void> {
  const logger = { warn: (fields: Readonly<Record<string, unknown>>) => console.error(JSON.stringify(fields)) };
  const database = createDatabase(parseDatabaseConfig(readEnvironment()), {
    metrics: createDatabaseMetrics(new Registry()),
    logger,
  });
  try {
    console.log(JSON.stringify({ event: 'migrated', applied: await migrate(database) }));
  } finally {
    await database.close();
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
