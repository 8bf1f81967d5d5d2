/** What the main thread and a SQLite worker say to each other. Every request has exactly one reply. */
export interface SqliteWorkerData {
  readonly file: string;
  readonly role: 'writer' | 'reader';
  /** How long a statement waits for another process's lock. */
  readonly busyTimeoutMs: number;
}

export type SqliteRequest =
  | { readonly kind: 'run'; readonly id: number; readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly kind: 'cpu'; readonly id: number }
  | { readonly kind: 'close'; readonly id: number };

export interface SqliteReply {
  /** 0: the database is open. */
  readonly id: number;
  readonly rows?: readonly unknown[];
  readonly error?: { readonly message: string; readonly code: string | undefined };
  /** CPU seconds of this thread since it started. */
  readonly cpuSeconds: number;
}
