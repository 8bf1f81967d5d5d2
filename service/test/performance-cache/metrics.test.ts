import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { entryKeys, generationKey } from '../../src/performance-cache/keys.ts';
import type { PerformanceReadKey } from '../../src/performance-cache/performance-cache.ts';
import { createCacheUnderTest, detail, heldLoad, list, loaded, neverLoads, untilAsked } from './cache-under-test.ts';
import type { CacheUnderTest } from './cache-under-test.ts';
import { startRedisProcess } from './redis-process.ts';
import type { RedisProcess } from './redis-process.ts';

let redis: RedisProcess;
let client: Redis;
let under: CacheUnderTest;
let aheadMs: number;

beforeEach(async () => {
  aheadMs = 0;
  redis = await startRedisProcess();
  client = new Redis(redis.url);
  client.on('error', () => undefined);
  const clock = { epochMs: () => Date.now(), monotonicMs: () => performance.now() + aheadMs };
  const options = { commandTimeoutMs: 100, leaseWaitMs: 50, maxLoadsInFlight: 2, loadQueueTimeoutMs: 50 };
  under = createCacheUnderTest(redis.url, options, { clock });
  await untilAsked(under.cache);
});
afterEach(async () => {
  client.disconnect();
  await under.cache.close();
  await redis.stop();
});

const requests = (kind: string, result: string): Promise<number> =>
  under.metric('performance_cache_requests_total', { kind, result });
const refusedSets = (reason: string): Promise<number> =>
  under.metric('performance_cache_refused_sets_total', { reason });
const reasons = ['lease', 'generation', 'version', 'full', 'unavailable'];

/** By reason, all of them: that another one moved as well would be seen. */
async function allRefusedSets(): Promise<Record<string, number>> {
  const counts = await Promise.all(reasons.map(async (reason) => [reason, await refusedSets(reason)] as const));
  return Object.fromEntries(counts);
}

async function during(key: PerformanceReadKey, act: () => Promise<unknown>): Promise<void> {
  const held = heldLoad();
  const reading = under.cache.read(key, held.load);
  await held.begun;
  await act();
  held.answer('late');
  await reading;
}

async function openBreaker(): Promise<void> {
  redis.freeze();
  await Promise.all([1, 2].map((id) => under.cache.read(detail(id), loaded(id))));
  await Promise.all([3, 4].map((id) => under.cache.read(detail(id), loaded(id))));
  await under.cache.read(detail(5), loaded(5));
}

describe('requests are counted by what answered them', () => {
  it.each<[string, PerformanceReadKey]>([
    ['detail', detail(7)],
    ['list', list('opera')],
  ])('%s: miss, hit, negative, error and bypass', async (kind, key) => {
    const before = await requests(kind, 'miss');
    await under.cache.read(key, loaded('x'));
    expect([await requests(kind, 'miss'), await requests(kind, 'hit')]).toEqual([before + 1, 0]);
    await under.cache.read(key, neverLoads);
    expect(await requests(kind, 'hit')).toBe(1);

    await client.flushall();
    await under.cache.read(key, () => Promise.resolve(undefined));
    await under.cache.read(key, neverLoads);
    expect(await requests(kind, 'negative')).toBe(1);

    await client.flushall();
    await expect(under.cache.read(key, neverLoads)).rejects.toThrow('no reason to load');
    expect(await requests(kind, 'error')).toBe(1);

    const bypassed = await requests(kind, 'bypass');
    await redis.kill();
    await under.cache.read(key, loaded('x'));
    expect(await requests(kind, 'bypass')).toBe(bypassed + 1);
  });
});

describe('a load', () => {
  it('is timed, also when it fails', async () => {
    const timed = (): Promise<number> => under.metric('performance_cache_load_seconds', { le: '+Inf' });
    const before = await timed();
    await under.cache.read(detail(1), loaded('x'));
    await expect(under.cache.read(detail(2), neverLoads)).rejects.toThrow('no reason to load');
    expect((await timed()) - before).toBe(2);
  });

  it('is in flight until it ends; the one too many is counted as an overload', async () => {
    const inFlight = (): Promise<number> => under.metric('performance_cache_loads_in_flight');
    const held = heldLoad();
    const reads = [1, 2].map((id) => under.cache.read(detail(id), held.load));
    await vi.waitFor(async () => expect(await inFlight()).toBe(2));
    await expect(under.cache.read(detail(3), neverLoads)).rejects.toMatchObject({ code: 'overloaded' });
    expect([await inFlight(), await under.metric('performance_cache_overloads_total')]).toEqual([2, 1]);
    held.answer('x');
    await Promise.all(reads);
    expect(await inFlight()).toBe(0);
  });

  it('of another process is waited for, and that is counted by who waits', async () => {
    const other = createCacheUnderTest(redis.url);
    await untilAsked(other.cache);
    const waits = ({ metric }: CacheUnderTest): Promise<number> => metric('performance_cache_lease_waits_total');
    const held = heldLoad();
    const reading = other.cache.read(detail(8), held.load);
    await held.begun;
    await under.cache.read(detail(8), loaded('own'));
    expect([await waits(under), await waits(other)]).toEqual([1, 0]);
    held.answer('x');
    await reading;
    await other.cache.close();
  });
});

describe('a load that is not stored is counted by its reason alone', () => {
  it.each<[string, PerformanceReadKey, () => Promise<unknown>]>([
    ['lease', detail(8), () => under.cache.invalidate({ performanceId: 8, genres: [] })],
    ['generation', detail(8), () => client.del(generationKey)],
    ['version', list('opera'), () => under.cache.invalidate({ performanceId: 8, genres: ['opera'] })],
    ['full', detail(8), () => client.config('SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction')],
    ['unavailable', detail(8), () => redis.kill()],
  ])('%s', async (reason, key, act) => {
    const none = Object.fromEntries(reasons.map((name) => [name, 0]));
    expect(await allRefusedSets()).toEqual(none);
    await during(key, act);
    await vi.waitFor(async () => expect(await allRefusedSets()).toEqual({ ...none, [reason]: 1 }));
  });

  it('control: one that nothing has happened to is stored', async () => {
    await during(detail(8), () => Promise.resolve());
    await vi.waitFor(async () => expect(await client.exists(entryKeys(detail(8)).value)).toBe(1));
    expect(await under.metric('performance_cache_refused_sets_total')).toBe(0);
  });
});

describe('the breaker', () => {
  const states = async (): Promise<number[]> =>
    Promise.all(
      ['closed', 'open', 'half-open'].map((state) => under.metric('performance_cache_breaker_state', { state })),
    );

  it('is in one state at a time, and each change but the probe is logged once', async () => {
    expect(await states()).toEqual([1, 0, 0]);
    await openBreaker();
    expect(await states()).toEqual([0, 1, 0]);
    aheadMs += 10_000;
    const probe = under.cache.read(detail(6), loaded('x'));
    expect(await states()).toEqual([0, 0, 1]);
    await probe;
    expect(await states()).toEqual([0, 1, 0]);
    redis.thaw();
    aheadMs += 10_000;
    await untilAsked(under.cache);
    expect(await states()).toEqual([1, 0, 0]);
    expect(under.events.filter((event) => event.startsWith('breaker'))).toEqual(['breaker-open', 'breaker-closed']);
  });

  it('that is open keeps an invalidation back, which is counted', async () => {
    const failures = (): Promise<number> => under.metric('performance_cache_invalidation_failures_total');
    await under.cache.invalidate({ performanceId: 1, genres: [] });
    expect(await failures()).toBe(0);
    await openBreaker();
    await under.cache.invalidate({ performanceId: 1, genres: [] });
    expect(await failures()).toBe(1);
    redis.thaw();
  });
});
