import { Worker } from 'node:worker_threads';

import type { LentConnection } from '../connection-pool.ts';
import { sqliteError, sqliteUnavailable } from './sqlite-errors.ts';
import type { SqliteReply, SqliteRequest, SqliteWorkerData } from './sqlite-messages.ts';

/** How long the reading of a clock waits for a statement under way before it tells the value of the last reply. */
const clockPatienceMs = 100;
/** An answer that does not fit ends its thread, and not the process. */
const maxOldGenerationSizeMb = 128;

export interface SqliteConnection extends Pick<LentConnection, 'run'> {
  /** Whether its thread still runs. */
  alive(): boolean;
  cpuSeconds(): Promise<number>;
  /** Resolves when the thread has ended, with the CPU seconds that it has used. */
  close(): Promise<number>;
}

interface Waiting {
  readonly resolve: (reply: SqliteReply) => void;
  readonly reject: (error: Error) => void;
}

/** A worker thread with the file open. Rejects with `database-unavailable` when it can't be opened. */
export async function openSqliteConnection(workerData: SqliteWorkerData): Promise<SqliteConnection> {
  const worker = new Worker(new URL('sqlite-worker.ts', import.meta.url), {
    workerData,
    name: `sqlite-${workerData.role}`,
    resourceLimits: { maxOldGenerationSizeMb },
  });
  const waiting = new Map<number, Waiting>();
  let alive = true;
  let lastId = 0;
  let lastCpuSeconds = 0;

  const reply = (id: number) => new Promise<SqliteReply>((resolve, reject) => waiting.set(id, { resolve, reject }));
  const ask = (request: (id: number) => SqliteRequest): Promise<SqliteReply> => {
    if (!alive) return Promise.reject(sqliteUnavailable('its thread has ended'));
    lastId += 1;
    const answered = reply(lastId);
    worker.postMessage(request(lastId));
    return answered;
  };
  const end = (reason: string, cause?: unknown): void => {
    alive = false;
    for (const { reject } of waiting.values()) reject(sqliteUnavailable(reason, cause));
    waiting.clear();
  };
  worker.on('message', (message: SqliteReply) => {
    lastCpuSeconds = message.cpuSeconds;
    waiting.get(message.id)?.resolve(message);
    waiting.delete(message.id);
  });
  worker.on('error', (error) => end(error instanceof Error ? error.message : 'its thread failed', error));
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', (status) => {
      end(`its thread ended with status ${status}`);
      resolve();
    });
  });
  await reply(0);

  return {
    alive: () => alive,
    async run(name, { sql, parameters }) {
      const { rows, error } = await ask((id) => ({ kind: 'run', id, sql, parameters }));
      if (error !== undefined) throw sqliteError(error, name);
      return rows ?? [];
    },
    async cpuSeconds() {
      if (alive) {
        const asked = ask((id) => ({ kind: 'cpu', id })).catch(() => undefined);
        await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, clockPatienceMs).unref())]);
      }
      return lastCpuSeconds;
    },
    async close() {
      // A thread that ends before it answers has ended all the same.
      await ask((id) => ({ kind: 'close', id })).catch(() => undefined);
      await exited;
      return lastCpuSeconds;
    },
  };
}
