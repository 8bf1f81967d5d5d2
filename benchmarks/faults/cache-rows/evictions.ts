import { Redis } from 'ioredis';

import { openRedisInfo } from '../../probes/redis-info.ts';
import { repeatedly } from '../repeatedly.ts';
import type { RedisNode } from '../stage.ts';

/** As much as a hundred keys' worth of ballast, so that nearly every other key that goes is one of the cache. */
const ballastKeys = 100;
const ballast = Buffer.alloc(10_000, 'x');
const everyMs = 10;

export interface RunningEvictions {
  /** Gives the server its memory back; resolves to the number of keys that it has evicted. May be called twice. */
  end(): Promise<number>;
}

/**
 * Fills a cache's Redis and goes on writing to it, so that it evicts one key or more every 10 ms, whichever it
 * likes (`allkeys-random`): the memory pressure that a cache lives under, without a pattern that spares anything.
 */
export async function startEvictions({ url }: RedisNode): Promise<RunningEvictions> {
  const client = new Redis(url, { retryStrategy: () => null });
  // The command that is lost with the connection rejects.
  client.on('error', () => undefined);
  const info = await openRedisInfo(url);
  const read = async (): Promise<{ evicted: number; usedBytes: number }> => {
    const [reading] = await info.read();
    const { redis_cache_evictions: evicted, redis_cache_used_bytes: usedBytes } = {
      ...reading?.counters,
      ...reading?.levels,
    };
    if (evicted === undefined || usedBytes === undefined) throw new Error('INFO tells neither memory nor evictions');
    return { evicted, usedBytes };
  };
  let written = 0;
  const write = async (): Promise<void> => {
    await client.set(`ballast:${written}`, ballast);
    written += 1;
  };
  for (let key = 0; key < ballastKeys; key += 1) await write();
  const before = await read();
  await client.config('SET', 'maxmemory', String(before.usedBytes), 'maxmemory-policy', 'allkeys-random');

  const endWriting = repeatedly(everyMs, write);

  async function restore(): Promise<void> {
    try {
      await client.config('SET', 'maxmemory', '64mb', 'maxmemory-policy', 'allkeys-lfu');
      await client.unlink(Array.from({ length: written }, (_, index) => `ballast:${index}`));
    } finally {
      client.disconnect();
      await info.close();
    }
  }
  async function giveBack(): Promise<number> {
    try {
      await endWriting();
      const { evicted } = await read();
      return evicted - before.evicted;
    } finally {
      await restore();
    }
  }
  let givingBack: Promise<number> | undefined;
  return { end: () => (givingBack ??= giveBack()) };
}
