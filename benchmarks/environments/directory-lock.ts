import { join } from 'node:path';

import Database from 'better-sqlite3';

export interface DirectoryLock {
  release(): void;
}

const fileIn = (directory: string): string => join(directory, 'lock.db');

/**
 * Holds a directory for this process until `release`, or until it ends, however it ends: the lock is SQLite's on a
 * file in there, and so the operating system's. `undefined` when another process holds it.
 */
export function tryLockDirectory(directory: string): DirectoryLock | undefined {
  const database = new Database(fileIn(directory), { timeout: 0 });
  try {
    database.exec('begin exclusive');
  } catch (error) {
    database.close();
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_BUSY') return undefined;
    throw error;
  }
  return { release: () => void database.close() };
}

/** @throws when another process holds it */
export function lockDirectory(directory: string): DirectoryLock {
  const lock = tryLockDirectory(directory);
  if (lock) return lock;
  throw new Error(`${directory} is in use: stop the process that has ${fileIn(directory)} open, and start again`);
}
