import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgresServer } from '../environments/postgres-server.ts';
import { isAlive } from '../probes/process-table.ts';

async function query(connectionString: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('a PostgreSQL server of the lab', () => {
  let directories: string[];
  let first: PostgresServer;
  let second: PostgresServer;

  beforeAll(async () => {
    directories = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), 'postgres-server-test-'))));
    [first, second] = await Promise.all([
      startPostgresServer({ directory: directories[0] ?? '' }),
      startPostgresServer({ directory: directories[1] ?? '', settings: { shared_buffers: '32MB' } }),
    ]);
  });

  afterAll(async () => {
    await Promise.all([first.stop(), second.stop()]);
    await Promise.all(directories.map((directory) => rm(directory, { recursive: true })));
  });

  it('is version 18, counts statements and runs nothing by the clock', async () => {
    const postgres = first.connectionString('postgres');
    const settings = await query(
      postgres,
      `SELECT name, setting FROM pg_settings WHERE name IN
       ('server_version_num', 'autovacuum', 'fsync', 'jit', 'server_encoding', 'shared_preload_libraries') ORDER BY 1`,
    );
    expect(settings.map(({ setting }) => setting)).toStrictEqual([
      'off',
      'on',
      'off',
      'UTF8',
      expect.stringMatching(/^18\d{4}$/),
      'pg_stat_statements',
    ]);
  });

  it('stands beside another one that has its own databases, settings and process', async () => {
    await first.createDatabase('only-here');
    const databases = 'SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1';
    expect(await query(first.connectionString('postgres'), databases)).toHaveLength(2);
    expect(await query(second.connectionString('postgres'), databases)).toHaveLength(1);
    expect(await query(second.connectionString('postgres'), 'SHOW shared_buffers')).toStrictEqual([
      { shared_buffers: '32MB' },
    ]);
    expect(first.processId).not.toBe(second.processId);
  });

  it('makes a database from a template', async () => {
    await first.createDatabase('template');
    await query(first.connectionString('template'), 'CREATE TABLE seats AS SELECT generate_series(1, 3) AS seat');
    await first.createDatabase('copy', 'template');
    expect(await query(first.connectionString('copy'), 'SELECT seat FROM seats')).toHaveLength(3);
  });

  it('names the postmaster, whose children the backends are', async () => {
    const [row] = await query(first.connectionString('postgres'), 'SELECT pg_backend_pid() AS backend');
    const client = new Client({ connectionString: first.connectionString('postgres') });
    await client.connect();
    const { rows } = await client.query<{ backend: number }>('SELECT pg_backend_pid() AS backend');
    const stat = await readFile(`/proc/${rows[0]?.backend}/stat`, 'utf8');
    await client.end();
    expect(row).toBeDefined();
    expect(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])).toBe(first.processId);
  });

  it('keeps its data over a restart, and is gone, by process id, once stop has resolved', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'postgres-server-test-'));
    const server = await startPostgresServer({ directory });
    await server.createDatabase('kept');
    await server.stop();
    expect(isAlive(server.processId)).toBe(false);
    const again = await startPostgresServer({ directory });
    expect(await query(again.connectionString('kept'), 'SELECT 1 AS one')).toHaveLength(1);
    await again.stop();
    await rm(directory, { recursive: true });
  });

  it('says what the server said when it does not come up', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'postgres-server-test-'));
    await expect(startPostgresServer({ directory, settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
      /postgres ended before it was ready[\s\S]*shared_buffers/,
    );
    await rm(directory, { recursive: true });
  });
});
