import type { QueryName } from './query-name.ts';

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** A connection that is lent to one caller until it is released. */
export interface LentConnection {
  /** Rejects with `DomainError` where the database is to blame. */
  run(name: QueryName, statement: Statement): Promise<readonly unknown[]>;
  /** Until the end of the transaction under way. Absent where statements are never given up. */
  readonly limitStatements?: (timeoutMs: number) => Promise<void>;
  /** A connection whose state is not known any more is closed instead of lent again. */
  release(state: 'clean' | 'unknown'): void;
}

export interface ConnectionPool {
  /** The label of its metrics. */
  readonly name: string;
  /** Rejects with `overloaded` when none came free in time, with `database-unavailable` when none can be made. */
  acquire(): Promise<LentConnection>;
  /** Connections that stand and are lent to nobody. */
  idle(): number;
  /** Resolves when all that was lent is back and closed. */
  close(): Promise<void>;
}

/** What the database has to say besides its answers; pino's loggers have this shape. */
export interface DatabaseLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}
