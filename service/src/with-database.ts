import { Registry } from 'prom-client';

import { parseDatabaseConfig, readEnvironment } from './config.ts';
import { createDatabase } from './database/create-database.ts';
import { createDatabaseMetrics } from './database/database-metrics.ts';
import type { Database, DatabaseOptions } from './database/database.ts';

/**
 * Lends a program the database of DATABASE_URL, and closes it. Its warnings are lines of JSON on stderr. Rejects with
 * `ConfigError`, or as `work` does.
 */
export async function withDatabase(
  work: (database: Database) => Promise<void>,
  patience: Partial<Pick<DatabaseOptions, 'slowQueryMs' | 'longHoldMs'>> = {},
): Promise<void> {
  const database = createDatabase(
    { ...parseDatabaseConfig(readEnvironment()), ...patience },
    {
      metrics: createDatabaseMetrics(new Registry()),
      logger: { warn: (fields) => console.error(JSON.stringify(fields)) },
    },
  );
  try {
    await work(database);
  } finally {
    await database.close();
  }
}
