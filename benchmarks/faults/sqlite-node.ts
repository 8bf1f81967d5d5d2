import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { createAudit } from './audit.ts';
import type { StageDatabase } from './stage-database.ts';
import type { StageProcesses } from './stage-processes.ts';

const name = 'database';
const lockTimeoutMs = 10_000;

/** A file that the service makes. It has no process: it runs inside those of the service. */
export async function createSqliteNode({ directory: parent }: StageProcesses): Promise<StageDatabase> {
  const directory = join(parent, name);
  await mkdir(directory);
  const file = join(directory, 'ticketing.db');
  const url = `sqlite:${file}`;
  const refuse = (what: string): never => {
    throw new Error(`SQLite has no process to ${what}: do it to the service's processes, or take PostgreSQL`);
  };
  const audit = createAudit({
    query: (sql, values) =>
      Promise.resolve(withConnection(file, (connection) => connection.prepare(sql).all(...values))),
    isAmong: (column) => `${column} in (select value from json_each(?))`,
    listOf: (ids) => JSON.stringify(ids),
  });
  return {
    node: {
      name,
      engine: 'sqlite',
      url,
      get processId() {
        return refuse('name');
      },
      get process() {
        return refuse('name');
      },
      isRunning: () => true,
      kill: async () => refuse('kill'),
      stop: async () => refuse('stop'),
      start: async () => refuse('start'),
      freeze: () => refuse('freeze'),
      thaw: () => undefined,
      audit,
      lock: () => lockFile(file),
      fillDisk: async () => refuse('give a small disk'),
    },
    url,
    close: () => Promise.resolve(),
  };
}

/** It reads what is committed while others write: the service's files are in WAL mode. */
function withConnection<Result>(file: string, work: (connection: Database.Database) => Result): Result {
  const connection = new Database(file, { readonly: true });
  try {
    return work(connection);
  } finally {
    connection.close();
  }
}

/** Takes the place of the one writer, and waits for it without holding up this process. */
async function lockFile(file: string): Promise<() => Promise<void>> {
  const connection = new Database(file, { timeout: 0 });
  const deadline = performance.now() + lockTimeoutMs;
  for (;;) {
    try {
      connection.exec('begin immediate');
      break;
    } catch (error) {
      const isBusy = error instanceof Database.SqliteError && error.code === 'SQLITE_BUSY';
      if (!isBusy || performance.now() > deadline) {
        connection.close();
        throw error;
      }
    }
    await sleep(5);
  }
  return () => Promise.resolve(void connection.close());
}
