import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type RedisServer, startRedisServer } from '../environments/redis-server.ts';
import { isAlive } from '../probes/process-table.ts';

describe('a Redis server of the lab', () => {
  let directory: string;
  let queue: RedisServer;
  let cache: RedisServer;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'redis-server-test-'));
    [queue, cache] = await Promise.all([
      startRedisServer({ role: 'queue', directory }),
      startRedisServer({ role: 'cache', directory, maxMemoryBytes: 8 * 1024 * 1024 }),
    ]);
  });

  afterAll(async () => {
    await Promise.all([queue.stop(), cache.stop()]);
    await rm(directory, { recursive: true });
  });

  async function configuration(server: RedisServer, option: string): Promise<unknown> {
    const client = new Redis(server.url);
    try {
      const [, value] = z.tuple([z.string(), z.string()]).parse(await client.config('GET', option));
      return value;
    } finally {
      client.disconnect();
    }
  }

  it('keeps every acknowledged write of the queue on disk and evicts nothing', async () => {
    expect(await configuration(queue, 'appendonly')).toBe('yes');
    expect(await configuration(queue, 'appendfsync')).toBe('always');
    expect(await configuration(queue, 'maxmemory-policy')).toBe('noeviction');
  });

  it('keeps nothing of the cache on disk and bounds its memory', async () => {
    expect(await configuration(cache, 'appendonly')).toBe('no');
    expect(await configuration(cache, 'save')).toBe('');
    expect(await configuration(cache, 'maxmemory')).toBe(String(8 * 1024 * 1024));
    expect(await configuration(cache, 'maxmemory-policy')).toBe('allkeys-lfu');
  });

  it('is gone, by process id, once stop has resolved', async () => {
    const server = await startRedisServer({ role: 'cache', directory });
    expect(isAlive(server.processId)).toBe(true);
    await server.stop();
    expect(isAlive(server.processId)).toBe(false);
  });

  it('says what the server said when it does not come up', async () => {
    await expect(startRedisServer({ role: 'cache', directory, maxMemoryBytes: Number.NaN })).rejects.toThrow(
      /redis-cache ended before it was ready[\s\S]*maxmemory/,
    );
  });
});
