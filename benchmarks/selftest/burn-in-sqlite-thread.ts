import { appendFileSync } from 'node:fs';
import process from 'node:process';
import { threadId, workerData } from 'node:worker_threads';

import Sqlite from 'better-sqlite3';

/**
 * Loaded into a service with `--import`, and so into its threads: in those that read from SQLite, every statement burns
 * 20 ms of CPU more. Then the thread appends its id and the microseconds that it has used since it began, by
 * getrusage(2), to KNOWN_BURN_FILE.
 */
const file = process.env['KNOWN_BURN_FILE'] ?? '';
const microsecondsPerStatement = 20_000;

function usedMicroseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function burn(): void {
  const until = usedMicroseconds() + microsecondsPerStatement;
  while (usedMicroseconds() < until);
  appendFileSync(file, `${threadId} ${usedMicroseconds()}\n`);
}

const isReader = typeof workerData === 'object' && workerData !== null && workerData.role === 'reader';
if (isReader) {
  const statements: { all: (this: unknown, ...parameters: unknown[]) => unknown[] } = Object.getPrototypeOf(
    new Sqlite(':memory:').prepare('SELECT 1'),
  );
  const { all } = statements;
  statements.all = function burnAndRead(...parameters) {
    burn();
    return all.apply(this, parameters);
  };
}
