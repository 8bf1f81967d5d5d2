import type { DatabaseLogger } from './connection-pool.ts';
import type { DatabaseMetrics } from './database-metrics.ts';
import type { Database, DatabaseOptions } from './database.ts';
import { createPooledDatabase } from './pooled-database.ts';
import { createPostgresPool } from './postgres/postgres-pool.ts';
import { createSqlitePools } from './sqlite/sqlite-pools.ts';

export interface DatabaseContext {
  readonly metrics: DatabaseMetrics;
  readonly logger: DatabaseLogger;
}

/** Connects when it is first used. The schema is `migrate`'s. */
export function createDatabase(options: DatabaseOptions, { metrics, logger }: DatabaseContext): Database {
  const { engine, slowQueryMs, longHoldMs } = options;
  const common = { slowQueryMs, longHoldMs, metrics, logger };
  if (engine === 'postgres') {
    const pool = createPostgresPool(options, logger);
    return createPooledDatabase({ engine, readers: pool, writers: pool, begin: 'begin', ...common });
  }
  const { readers, writer, cpuSeconds } = createSqlitePools(options, logger);
  metrics.watchCpu(cpuSeconds);
  // IMMEDIATE: a transaction that reads first could not be upgraded once another process has written.
  return createPooledDatabase({ engine, readers, writers: writer, begin: 'begin immediate', ...common });
}
