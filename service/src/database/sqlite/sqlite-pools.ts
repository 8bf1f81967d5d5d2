import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

import { Pool, TimeoutError } from 'tarn';

import { DomainError } from '../../domain-error.ts';
import type { ConnectionPool, DatabaseLogger } from '../connection-pool.ts';
import type { DatabaseOptions } from '../database.ts';
import { openSqliteConnection, type SqliteConnection } from './sqlite-connection.ts';
import { sqliteUnavailable } from './sqlite-errors.ts';

type SqliteOptions = Extract<DatabaseOptions, { readonly engine: 'sqlite' }>;

export interface SqlitePools {
  readonly readers: ConnectionPool;
  readonly writer: ConnectionPool;
  /** Of all worker threads since the pools were made, those that have ended included. */
  readonly cpuSeconds: () => Promise<number>;
}

/** One thread that writes and a pool of threads that read, on one file in WAL mode. */
export function createSqlitePools(options: SqliteOptions, logger: DatabaseLogger): SqlitePools {
  const { file, readers, acquireTimeoutMs } = options;
  if (file === '' || file.startsWith(':memory:')) {
    throw sqliteUnavailable(`the file is "${file}": the threads share a database through a file, name one`);
  }
  mkdirSync(dirname(file), { recursive: true });
  const open = new Set<SqliteConnection>();
  let endedCpuSeconds = 0;
  const createPool = (name: string, size: number, connect: () => Promise<SqliteConnection>): ConnectionPool =>
    createWorkerPool({
      name,
      size,
      acquireTimeoutMs,
      logger,
      async connect() {
        const connection = await connect();
        open.add(connection);
        return connection;
      },
      async disconnect(connection) {
        const cpuSeconds = await connection.close();
        open.delete(connection);
        endedCpuSeconds += cpuSeconds;
      },
    });
  const connectAs = (role: 'writer' | 'reader') => () =>
    openSqliteConnection({ file, role, busyTimeoutMs: acquireTimeoutMs });

  return {
    readers: createPool('sqlite-readers', readers, connectAs('reader')),
    writer: createPool('sqlite-writer', 1, connectAs('writer')),
    async cpuSeconds() {
      // Together, before anything is awaited: a thread that ends meanwhile is counted once.
      const [running, ended] = [[...open], endedCpuSeconds];
      const seconds = await Promise.all(running.map((connection) => connection.cpuSeconds()));
      return seconds.reduce((total, one) => total + one, ended);
    },
  };
}

interface WorkerPoolParts {
  readonly name: string;
  readonly size: number;
  readonly acquireTimeoutMs: number;
  readonly logger: DatabaseLogger;
  readonly connect: () => Promise<SqliteConnection>;
  readonly disconnect: (connection: SqliteConnection) => Promise<void>;
}

function createWorkerPool({
  name,
  size,
  acquireTimeoutMs,
  logger,
  connect,
  disconnect,
}: WorkerPoolParts): ConnectionPool {
  const discarded = new WeakSet<SqliteConnection>();
  const pool = new Pool<SqliteConnection>({
    // Equal bounds: idle threads stay.
    min: size,
    max: size,
    create: connect,
    // Asked before a connection is lent: those that fail are destroyed and replaced.
    validate: (connection) => connection.alive() && !discarded.has(connection),
    destroy: disconnect,
    acquireTimeoutMillis: acquireTimeoutMs,
    propagateCreateError: true,
    log: (message) => logger.warn({ event: 'database-pool', pool: name, reason: message }, 'a connection failed'),
  });
  return {
    name,
    async acquire() {
      const connection = await pool.acquire().promise.catch((error: unknown) => {
        if (error instanceof TimeoutError) throw noneCameFree(name, { size, acquireTimeoutMs }, error);
        throw error instanceof DomainError ? error : sqliteUnavailable('no thread could be started', error);
      });
      return {
        run: connection.run,
        release(state) {
          if (state === 'unknown') {
            discarded.add(connection);
            // Not when it is replaced: until it ends, its transaction keeps the file's lock.
            void connection.close();
          }
          pool.release(connection);
        },
      };
    },
    idle: () => pool.numFree(),
    async close() {
      await pool.destroy();
    },
  };
}

function noneCameFree(
  pool: string,
  facts: { readonly size: number; readonly acquireTimeoutMs: number },
  cause: Error,
): DomainError {
  return new DomainError(
    'overloaded',
    `none of ${facts.size} connections of ${pool} came free within ${facts.acquireTimeoutMs} ms: try again`,
    { pool, ...facts },
    cause,
  );
}
