import type { CompiledQuery } from 'kysely';

import type { TransactionName } from './connection-owner.ts';
import type { QueryName } from './query-name.ts';

/** Runs statements that Kysely has built. The name labels metrics and the slow query log: it is never a value. */
export interface QueryExecutor {
  execute<Row>(name: QueryName, query: CompiledQuery<Row>): Promise<readonly Row[]>;
}

/**
 * A pool of connections to one database. `execute` borrows a connection for one statement that reads;
 * whatever writes goes through `transaction`, which commits when `work` resolves and rolls back when it
 * rejects. Its connection is nobody else's until then, so `work` waits for nothing but its statements. Rejects with
 * `DomainError` `overloaded` when no connection came free in time, and `database-unavailable` when the database can't
 * be reached; with the fact `commit: 'unknown'` when it was lost during the commit, so that the transaction may have
 * happened.
 */
export interface Database extends QueryExecutor {
  readonly engine: 'sqlite' | 'postgres';
  transaction<Result>(
    name: TransactionName,
    work: (transaction: QueryExecutor) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface TransactionOptions {
  /**
   * How long each statement may take, instead of the database's own `statementTimeoutMs`; `Infinity`: however long it
   * takes, and waits for locks. SQLite never gives a statement up.
   */
  readonly statementTimeoutMs?: number;
}

export type DatabaseOptions = (
  | { readonly engine: 'sqlite'; readonly file: string; readonly readers: number }
  | {
      readonly engine: 'postgres';
      readonly connectionString: string;
      readonly poolSize: number;
      /** When PostgreSQL gives a statement up: `overloaded`. A second later it counts as out of reach. */
      readonly statementTimeoutMs: number;
    }
) & {
  readonly acquireTimeoutMs: number;
  readonly slowQueryMs: number;
  readonly longHoldMs: number;
};
