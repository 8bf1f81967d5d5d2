import { Pool, type PoolClient } from 'pg';

import { DomainError } from '../../domain-error.ts';
import type { ConnectionPool, DatabaseLogger, LentConnection } from '../connection-pool.ts';
import type { DatabaseOptions } from '../database.ts';
import type { QueryName } from '../query-name.ts';
import { postgresError, postgresUnavailable } from './postgres-errors.ts';
import { postgresValueParsers } from './postgres-value-parsers.ts';

type PostgresOptions = Extract<DatabaseOptions, { readonly engine: 'postgres' }>;

/**
 * Always shorter than a statement may take: who waited for somebody else's lock is told so (55P03), and only a statement
 * that was too slow by itself is cancelled (57014).
 */
const lockTimeoutMs = (statementTimeoutMs: number) => Math.ceil((statementTimeoutMs * 2) / 3);
/** A process that is stopped in its transaction holds its locks for so long, and is then rolled back by the server. */
const idleInTransactionTimeoutMs = 10_000;
/** The server gives a statement up first; a second later ends the wait for a server that is frozen or cut off. */
const answerTimeoutMs = (statementTimeoutMs: number) => statementTimeoutMs + 1_000;
/** The longest that a timer can be set for: 24 days. */
const longestTimerMs = 2 ** 31 - 1;
/** Statements with more parameters write in bulk, each of its own length: preparing them would only fill memory. */
const maximumPreparedParameters = 64;

/** pg.Pool as a `ConnectionPool`; statements are prepared once for each connection. */
export function createPostgresPool(options: PostgresOptions, logger: DatabaseLogger): ConnectionPool {
  const { connectionString, poolSize, acquireTimeoutMs, statementTimeoutMs } = options;
  const pool = new Pool({
    connectionString,
    max: poolSize,
    connectionTimeoutMillis: acquireTimeoutMs,
    // Idle connections stay: a burst after a quiet time opens none.
    idleTimeoutMillis: 0,
    application_name: 'ticketing',
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs(statementTimeoutMs),
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
    query_timeout: answerTimeoutMs(statementTimeoutMs),
    keepAlive: true,
    options: '-c TimeZone=UTC',
    types: postgresValueParsers,
  });
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => {
    logger.warn({ event: 'database-connection-lost', reason: error.message }, 'an idle connection was lost');
  });
  // pg listens only while a client is idle; the statement under way, or the next one, rejects with the loss.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const statementNames = new Map<string, string>();

  return {
    name: 'postgres',
    async acquire() {
      const client = await pool.connect().catch((error: unknown) => {
        throw acquireError(error, options);
      });
      return lentConnection(client, { statementNames, statementTimeoutMs });
    },
    idle: () => pool.idleCount,
    close: () => pool.end(),
  };
}

function acquireError(error: unknown, { poolSize, acquireTimeoutMs }: PostgresOptions): DomainError {
  // pg-pool has no code for it; "Connection terminated due to connection timeout" is its other timeout.
  if (!(error instanceof Error) || error.message !== 'timeout exceeded when trying to connect') {
    return postgresUnavailable(error);
  }
  return new DomainError(
    'overloaded',
    `none of ${poolSize} connections to PostgreSQL came free within ${acquireTimeoutMs} ms: ` +
      'try again, or raise DATABASE_POOL_SIZE',
    { pool: 'postgres', poolSize, acquireTimeoutMs },
    error,
  );
}

interface LentOptions {
  /** Of every statement that was prepared on some connection, by its text. */
  readonly statementNames: Map<string, string>;
  readonly statementTimeoutMs: number;
}

function lentConnection(client: PoolClient, { statementNames, statementTimeoutMs }: LentOptions): LentConnection {
  let queryTimeoutMs = answerTimeoutMs(statementTimeoutMs);
  return {
    async run(name, { sql, parameters }) {
      const statement = { text: sql, values: [...parameters], query_timeout: queryTimeoutMs };
      const prepared = parameters.length <= maximumPreparedParameters;
      const { rows, command } = await client
        .query<Record<string, unknown>>(
          prepared ? { ...statement, name: statementName(statementNames, name, sql) } : statement,
        )
        .catch((error: unknown) => {
          throw postgresError(error, name);
        });
      // PostgreSQL answers the COMMIT of a transaction in which a statement failed with ROLLBACK, and no error.
      if (name === 'commit' && command !== 'COMMIT') {
        throw new Error(
          `PostgreSQL answered the commit with ${command}: a statement failed, and its error was ignored`,
        );
      }
      return rows;
    },
    async limitStatements(timeoutMs) {
      queryTimeoutMs = Math.min(answerTimeoutMs(timeoutMs), longestTimerMs);
      const lockMs = Math.min(lockTimeoutMs(statementTimeoutMs), lockTimeoutMs(timeoutMs));
      // 0 is PostgreSQL's word for no limit.
      const [statement, lock] = timeoutMs === Infinity ? [0, 0] : [Math.ceil(timeoutMs), lockMs];
      await client
        .query(`set local statement_timeout = ${statement}; set local lock_timeout = ${lock}`)
        .catch((error: unknown) => {
          throw postgresError(error, 'limit-statements');
        });
    },
    release: (state) => client.release(state === 'unknown'),
  };
}

/** One query may have several texts (with and without a city): a prepared statement's name has one. */
function statementName(statementNames: Map<string, string>, name: QueryName, sql: string): string {
  const known = statementNames.get(sql);
  if (known !== undefined) return known;
  const created = `${name}-${statementNames.size}`;
  statementNames.set(sql, created);
  return created;
}
