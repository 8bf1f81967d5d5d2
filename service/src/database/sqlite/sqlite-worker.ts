import { parentPort, workerData } from 'node:worker_threads';

import Sqlite from 'better-sqlite3';

import type { SqliteReply, SqliteRequest, SqliteWorkerData } from './sqlite-messages.ts';

/** A thread with one connection to a SQLite file: statements run here, so that they never hold up the event loop. */
const maximumPreparedStatements = 200;
const port = parentPort;
if (port === null) throw new Error('sqlite-worker.ts runs in a worker thread: use createDatabase');

const { file, role, busyTimeoutMs }: SqliteWorkerData = workerData;
const database = new Sqlite(file, { timeout: busyTimeoutMs });
if (role === 'writer') {
  database.pragma('journal_mode = WAL');
  // A commit is on disk when it is answered (SQLite manual, PRAGMA synchronous: WAL and NORMAL may lose it).
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
} else {
  database.pragma('query_only = ON');
}

/** In the order of their last use, oldest first. */
const prepared = new Map<string, Sqlite.Statement>();

function prepare(sql: string): Sqlite.Statement {
  const statement = prepared.get(sql) ?? database.prepare(sql);
  prepared.delete(sql);
  prepared.set(sql, statement);
  const [oldest] = prepared.keys();
  if (prepared.size > maximumPreparedStatements && oldest !== undefined) prepared.delete(oldest);
  return statement;
}

function run(sql: string, parameters: readonly unknown[]): readonly unknown[] {
  const statement = prepare(sql);
  if (statement.reader) return statement.all(...parameters);
  statement.run(...parameters);
  return [];
}

function answer(request: SqliteRequest): Pick<SqliteReply, 'rows' | 'error'> {
  if (request.kind !== 'run') return {};
  try {
    return { rows: run(request.sql, request.parameters) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { error: { message: error.message, code: error instanceof Sqlite.SqliteError ? error.code : undefined } };
  }
}

function reply(id: number, body: Pick<SqliteReply, 'rows' | 'error'>): void {
  const { user, system } = process.threadCpuUsage();
  port?.postMessage({ id, ...body, cpuSeconds: (user + system) / 1e6 } satisfies SqliteReply);
}

port.on('message', (request: SqliteRequest) => {
  if (request.kind === 'close') {
    database.close();
    port.unref();
  }
  reply(request.id, answer(request));
});
reply(0, {});
