import { CompiledQuery } from 'kysely';

import { DomainError } from '../domain-error.ts';
import type { ConnectionPool, DatabaseLogger, LentConnection } from './connection-pool.ts';
import type { Hold } from './connection-holds.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import type { DatabaseMetrics } from './database-metrics.ts';
import type { Database, QueryExecutor } from './database.ts';
import type { QueryName } from './query-name.ts';

export interface PooledDatabaseParts {
  readonly engine: Database['engine'];
  readonly readers: ConnectionPool;
  /** May be the readers' own. */
  readonly writers: ConnectionPool;
  /** The statement that opens a transaction that writes. */
  readonly begin: string;
  readonly slowQueryMs: number;
  readonly longHoldMs: number;
  readonly metrics: DatabaseMetrics;
  readonly logger: DatabaseLogger;
}

type Work<Result> = (connection: LentConnection) => Promise<Result>;

/** The `Database` port over pools of connections: what both engines have in common, and all of its metrics. */
export function createPooledDatabase(parts: PooledDatabaseParts): Database {
  const read = createBorrower(parts.readers, parts);
  const write = parts.writers === parts.readers ? read : createBorrower(parts.writers, parts);
  const run = createRunner(parts);
  const execute = <Row>(name: QueryName, query: CompiledQuery<Row>) =>
    read(name, (connection) => run(connection, name, query));

  return {
    engine: parts.engine,
    execute,
    transaction: (name, work, { statementTimeoutMs } = {}) =>
      write(name, async (connection) => {
        await run(connection, 'begin', CompiledQuery.raw(parts.begin));
        const transaction: QueryExecutor = { execute: (query, compiled) => run(connection, query, compiled) };
        let result;
        try {
          if (statementTimeoutMs !== undefined) await connection.limitStatements?.(statementTimeoutMs);
          result = await work(transaction);
        } catch (error) {
          // The end of the connection rolls back as well. A statement would wait behind the one that hangs.
          if (isUnavailable(error)) throw error;
          await run(connection, 'rollback', CompiledQuery.raw('rollback')).catch((rollbackError: unknown) => {
            throw new UnknownConnectionState(error, rollbackError);
          });
          throw error;
        }
        await run(connection, 'commit', CompiledQuery.raw('commit')).catch((error: unknown) => {
          throw new UnknownConnectionState(isUnavailable(error) ? commitUnknown(error) : error);
        });
        return result;
      }),
    async ping() {
      await execute('ping', CompiledQuery.raw('select 1'));
    },
    async close() {
      await Promise.all([...new Set([parts.readers, parts.writers])].map((pool) => pool.close()));
    },
  };
}

/** The connection may be inside a transaction still, or gone: `error` is what the caller gets. */
class UnknownConnectionState extends Error {
  readonly error: unknown;

  constructor(error: unknown, cause?: unknown) {
    super('the connection is in an unknown state', { cause });
    this.error = error;
  }
}

function isUnavailable(error: unknown): error is DomainError {
  return error instanceof DomainError && error.code === 'database-unavailable';
}

/** The database was lost after it was told to commit, and before it said that it had. */
function commitUnknown({ code, message, facts, cause }: DomainError): DomainError {
  return new DomainError(code, `${message}; nobody knows whether it committed`, { ...facts, commit: 'unknown' }, cause);
}

function createBorrower(
  pool: ConnectionPool,
  { metrics, logger, longHoldMs }: Pick<PooledDatabaseParts, 'metrics' | 'logger' | 'longHoldMs'>,
) {
  const thresholdSeconds = longHoldMs / 1_000;
  // Counted here, because the pools count a connection that is being opened as in use, and its caller as served.
  let pending = 0;
  let lent = 0;
  const poolMetrics = metrics.watchPool(pool.name, () => ({ active: lent, idle: pool.idle(), pending }));
  return async <Result>(owner: ConnectionOwner, work: Work<Result>): Promise<Result> => {
    const asked = performance.now();
    pending += 1;
    const connection = await pool
      .acquire()
      .catch((error: unknown) => {
        if (error instanceof DomainError && error.code === 'overloaded') poolMetrics.timedOut();
        throw error;
      })
      .finally(() => {
        pending -= 1;
        poolMetrics.acquired(secondsSince(asked));
      });
    const hold = metrics.hold(owner);
    lent += 1;
    let state: 'clean' | 'unknown' = 'clean';
    try {
      return await work(watched(connection, hold));
    } catch (error) {
      const unknown = error instanceof UnknownConnectionState;
      if (unknown || isUnavailable(error)) state = 'unknown';
      throw unknown ? error.error : error;
    } finally {
      lent -= 1;
      connection.release(state);
      const held = hold.end();
      poolMetrics.used(held.seconds);
      if (held.seconds > thresholdSeconds) {
        logger.warn({ event: 'connection-held', owner, ...held, thresholdSeconds }, 'a connection was held for long');
      }
    }
  };
}

/** What it runs is no idle time of its holder. */
function watched(connection: LentConnection, hold: Hold): LentConnection {
  const { limitStatements } = connection;
  return {
    run: (name, statement) => hold.run(() => connection.run(name, statement)),
    ...(limitStatements && { limitStatements: (timeoutMs: number) => hold.run(() => limitStatements(timeoutMs)) }),
    release: (state) => connection.release(state),
  };
}

function createRunner({ metrics, logger, slowQueryMs }: PooledDatabaseParts) {
  const thresholdSeconds = slowQueryMs / 1_000;
  return async <Row>(
    connection: LentConnection,
    name: QueryName,
    query: CompiledQuery<Row>,
  ): Promise<readonly Row[]> => {
    const started = performance.now();
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the row's type is the query builder's word
      return (await connection.run(name, query)) as readonly Row[];
    } finally {
      const seconds = secondsSince(started);
      metrics.queried(name, seconds);
      if (seconds > thresholdSeconds) {
        logger.warn({ event: 'slow-query', query: name, seconds, thresholdSeconds }, 'slow query');
      }
    }
  };
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1_000;
}
