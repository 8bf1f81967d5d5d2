import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PostgresServer, startPostgresServer } from '../environments/postgres-server.ts';
import { type RedisServer, startRedisServer } from '../environments/redis-server.ts';
import { type OwnedSettings, shareSettings } from '../evidence/part-settings.ts';
import { type ConfiguredParts, readPartSettings } from '../probes/part-settings.ts';

describe('the settings of parts that run', () => {
  let directory: string;
  let postgres: PostgresServer;
  let cache: RedisServer;
  let queue: RedisServer;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'part-settings-test-'));
    postgres = await startPostgresServer({ directory, settings: { fsync: 'off', work_mem: '7MB' } });
    cache = await startRedisServer({ role: 'cache', directory, maxMemoryBytes: 8 * 1024 * 1024 });
    queue = await startRedisServer({ role: 'queue', directory, settings: { appendfsync: 'everysec' } });
  });

  afterAll(async () => {
    await Promise.all([postgres.stop(), cache.stop(), queue.stop()]);
    await rm(directory, { recursive: true });
  });

  const parts = (): ConfiguredParts => ({
    database: { engine: 'postgres', adminConnectionString: postgres.connectionString('postgres') },
    redisCacheUrl: cache.url,
    redisQueueUrl: queue.url,
    services: {
      service: {
        DATABASE_URL: postgres.connectionString('postgres'),
        DATABASE_POOL_SIZE: '10',
        API_TOKEN: 'a-secret',
        PORT: '0',
      },
    },
  });

  it('are those that the servers were started with, and not the defaults of the lab', async () => {
    const [database, ...others] = await readPartSettings(parts());
    expect(database).toMatchObject({
      part: 'PostgreSQL',
      values: { fsync: 'off', work_mem: '7MB', shared_buffers: '256MB', synchronous_commit: 'on' },
    });
    expect(database?.values['server_version']).toMatch(/^\d+/);
    expect(others).toMatchObject([
      { part: 'Redis (cache)', values: { appendonly: 'no', maxmemory: '8388608', 'maxmemory-policy': 'allkeys-lfu' } },
      { part: 'Redis (queue)', values: { appendonly: 'yes', appendfsync: 'everysec' } },
      { part: 'service', values: { DATABASE_POOL_SIZE: '10' } },
    ]);
  });

  it('hold no secret, no address and no folder', async () => {
    const text = JSON.stringify(await readPartSettings(parts()));
    for (const hidden of ['a-secret', '127.0.0.1', String(postgres.port), directory])
      expect(text).not.toContain(hidden);
  });

  it('are, of SQLite, what its file keeps', async () => {
    const file = path.join(directory, 'ticketing.db');
    const connection = new Database(file);
    connection.pragma('journal_mode = WAL');
    connection.close();
    const [database] = await readPartSettings({ ...parts(), database: { engine: 'sqlite', file } });
    expect(database).toMatchObject({ part: 'SQLite', values: { journal_mode: 'wal', page_size: '4096' } });
  });

  it('are not guessed when a server does not answer', async () => {
    await expect(readPartSettings({ ...parts(), redisCacheUrl: 'redis://127.0.0.1:1' })).rejects.toThrow(
      /closed|ECONNREFUSED/,
    );
  });
});

describe('settings that are shared', () => {
  const word = fc.constantFrom('a', 'b');
  // As they are after JSON: objects with a prototype.
  const plain = { noNullPrototype: true };
  const part = fc.record(
    { part: word, source: fc.constant('x'), values: fc.dictionary(word, word, { maxKeys: 1, ...plain }) },
    plain,
  );
  const parts = fc.uniqueArray(part, { selector: (own) => own.part });
  const owned = fc.array(fc.record({ owner: fc.constantFrom('one', 'two', 'three'), parts }, plain), { maxLength: 4 });

  it('stand once each, and give every owner back what it said last', () => {
    fc.assert(
      fc.property(owned, (all) => {
        const shared = shareSettings(all);
        const kept = shared.map(({ part, values }) => JSON.stringify([part, values]));
        expect(new Set(kept).size).toBe(kept.length);
        const last = new Map<string, OwnedSettings>(all.map((own) => [own.owner, own]));
        for (const { owner, parts } of last.values()) {
          const back = shared.flatMap(({ of, ...own }) => (of.includes(owner) ? [own] : []));
          expect(new Set(back.map((own) => JSON.stringify(own)))).toEqual(
            new Set(parts.map((own) => JSON.stringify(own))),
          );
        }
      }),
    );
  });
});
