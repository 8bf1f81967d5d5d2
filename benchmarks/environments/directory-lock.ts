import { join } from 'node:path';

import Database from 'better-sqlite3';

/**
 * Holds a directory for this process until `release`, or until it ends, however it ends: the lock is SQLite's on a
 * file in there, and so the operating system's. @throws when another process holds it
 */
export function lockDirectory(directory: string): { release(): void } {
  const file = join(directory, 'lock.db');
  const database = new Database(file, { timeout: 0 });
  try {
    database.exec('begin exclusive');
  } catch (cause) {
    database.close();
    if (!(cause instanceof Database.SqliteError) || cause.code !== 'SQLITE_BUSY') throw cause;
    throw new Error(`${directory} is in use: stop the process that has ${file} open, and start again`, { cause });
  }
  return { release: () => void database.close() };
}
