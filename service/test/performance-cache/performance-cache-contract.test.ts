import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createPerformanceCache } from '../../src/performance-cache/create-performance-cache.ts';
import { createPerformanceCacheMetrics } from '../../src/performance-cache/performance-cache-metrics.ts';
import type { PerformanceCache } from '../../src/performance-cache/performance-cache.ts';
import { recordEvents } from '../recorded-events.ts';
import { createCacheUnderTest, detail, list, loaded, neverLoads, untilAsked, valueOf } from './cache-under-test.ts';
import { startRedisProcess } from './redis-process.ts';
import type { RedisProcess } from './redis-process.ts';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedisProcess();
});
afterAll(() => redis.stop());

async function createLookAside(): Promise<PerformanceCache> {
  const client = new Redis(redis.url);
  await client.flushall();
  client.disconnect();
  const { cache } = createCacheUnderTest(redis.url);
  await untilAsked(cache);
  return cache;
}

const createOff = (): Promise<PerformanceCache> =>
  Promise.resolve(
    createPerformanceCache(
      { mode: 'off' },
      { metrics: createPerformanceCacheMetrics(new Registry()), logger: recordEvents().logger },
    ),
  );

describe.each([
  { mode: 'off', create: createOff, again: 'bypass', first: 'bypass' },
  { mode: 'look-aside', create: createLookAside, again: 'hit', first: 'miss' },
])('performance cache, $mode', ({ create, again, first }) => {
  let cache: PerformanceCache;
  beforeEach(async () => {
    cache = await create();
  });
  afterEach(() => cache.close());

  it.each([detail(1), list('opera', '서울'), list()])(
    'answers what was loaded, and says where from: %j',
    async (key) => {
      const one = await cache.read(key, loaded({ title: '라 보엠' }));
      const two = await cache.read(key, loaded({ title: '라 보엠' }));
      expect([one.result, two.result]).toEqual([first, again]);
      expect(two.representation).toEqual(one.representation);
      expect(one.ageSeconds).toBe(0);
    },
  );

  it('answers an absence', async () => {
    const read = await cache.read(detail(2), () => Promise.resolve(undefined));
    expect(read).toEqual({ representation: undefined, result: first, ageSeconds: 0 });
  });

  it('keeps reads that differ in anything apart', async () => {
    const keys = [
      detail(1),
      detail(11),
      list('opera'),
      list('dance'),
      list(),
      list(undefined, 'Seoul'),
      list(undefined, 'null'),
      { ...list(), kind: 'list' as const, cursor: 'Seoul', limit: 20, genre: undefined, city: undefined },
      { ...list(), kind: 'list' as const, limit: 10, genre: undefined, city: undefined, cursor: undefined },
    ];
    const readAll = (loadOf: (index: number) => Parameters<PerformanceCache['read']>[1]): Promise<unknown[]> =>
      Promise.all(keys.map((key, index) => cache.read(key, loadOf(index)).then(valueOf)));
    expect(await readAll(loaded)).toEqual(keys.map((_, index) => index));
    expect(await readAll(again === 'hit' ? () => neverLoads : loaded)).toEqual(keys.map((_, index) => index));
  });

  it('answers the new version after a write', async () => {
    await cache.read(list('opera'), loaded('old'));
    await cache.invalidate({ performanceId: 1, genres: ['opera'] });
    expect(valueOf(await cache.read(list('opera'), loaded('new')))).toBe('new');
  });

  it('rejects with the very error of the load, and reads on', async () => {
    const broken = new Error('broken');
    await expect(cache.read(detail(3), () => Promise.reject(broken))).rejects.toBe(broken);
    expect(valueOf(await cache.read(detail(3), loaded('x')))).toBe('x');
  });
});
