import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openSqliteConnection, type SqliteConnection } from '../../src/database/sqlite/sqlite-connection.ts';

const statement = (sql: string) => ({ sql, parameters: [] });

describe('a SQLite worker thread', () => {
  let directory: string;
  let connection: SqliteConnection;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ticketing-sqlite-'));
    connection = await openSqliteConnection({ file: join(directory, 'a.db'), role: 'writer', busyTimeoutMs: 100 });
  });
  afterEach(async () => {
    await connection.close();
    await rm(directory, { recursive: true });
  });

  it('waits for a lock of another process as long as told, then rejects with overloaded', async () => {
    const other = await openSqliteConnection({ file: join(directory, 'a.db'), role: 'writer', busyTimeoutMs: 100 });
    await other.run('begin', statement('begin immediate'));
    await expect(connection.run('begin', statement('begin immediate'))).rejects.toMatchObject({
      code: 'overloaded',
      facts: { code: 'SQLITE_BUSY' },
    });
    await other.run('rollback', statement('rollback'));
    await expect(connection.run('begin', statement('begin immediate'))).resolves.toEqual([]);
    await connection.run('rollback', statement('rollback'));
    await other.close();
  });

  it('keeps answers and questions together when many are asked at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => connection.run('ping', statement(`select ${index} as n`))),
    );
    expect(answers).toEqual(Array.from({ length: 300 }, (_, index) => [{ n: index }]));
  });
});
