import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { entryKeys } from '../../src/performance-cache/keys.ts';
import {
  createCacheUnderTest,
  detail,
  heldLoad,
  list,
  loaded,
  lookAside,
  untilAsked,
  valueOf,
} from './cache-under-test.ts';
import type { CacheUnderTest } from './cache-under-test.ts';
import { startRedisProcess } from './redis-process.ts';
import type { RedisProcess } from './redis-process.ts';

let redis: RedisProcess;
let under: CacheUnderTest;
let retryNow = (): void => undefined;

beforeEach(async () => {
  redis = await startRedisProcess();
  // The breaker's clock can be moved on; all else is real.
  let aheadMs = 0;
  retryNow = () => {
    aheadMs += 10_000;
  };
  const clock = { epochMs: () => Date.now(), monotonicMs: () => performance.now() + aheadMs };
  under = createCacheUnderTest(redis.url, { commandTimeoutMs: 100 }, { clock });
  await untilAsked(under.cache);
});
afterEach(async () => {
  await under.cache.close();
  await redis.stop();
});

const breakerIs = async (state: string): Promise<boolean> =>
  (await under.metric('performance_cache_breaker_state', { state })) === 1;

async function timedRead(performanceId: number): Promise<{ result: string; ms: number }> {
  const startedAt = performance.now();
  const { result } = await under.cache.read(detail(performanceId), loaded(performanceId));
  return { result, ms: performance.now() - startedAt };
}

describe('a frozen Redis', () => {
  it('costs a reader one command timeout, and nothing once the breaker is open', async () => {
    await under.cache.read(detail(1), loaded('old'));
    redis.freeze();
    try {
      const first = await Promise.all([1, 2, 3, 4, 5, 6].map((id) => timedRead(id)));
      expect(new Set(first.map(({ result }) => result))).toEqual(new Set(['bypass']));
      expect(Math.max(...first.map(({ ms }) => ms))).toBeLessThan(lookAside.commandTimeoutMs);
      expect(await breakerIs('open')).toBe(true);
      const then = await timedRead(7);
      expect(then.result).toBe('bypass');
      expect(then.ms).toBeLessThan(20);
    } finally {
      redis.thaw();
    }
    await untilAsked(under.cache);
    expect(await breakerIs('closed')).toBe(true);
    expect(under.events.filter((event) => event.startsWith('breaker'))).toEqual(['breaker-open', 'breaker-closed']);
  });

  it('is asked by one reader alone when the breaker tries again', async () => {
    redis.freeze();
    try {
      await Promise.all([1, 2, 3, 4, 5].map((id) => timedRead(id)));
      retryNow();
      const reads = await Promise.all([1, 2, 3, 4, 5].map((id) => timedRead(id)));
      expect(reads.filter(({ ms }) => ms > 90)).toHaveLength(1);
      expect(await breakerIs('open')).toBe(true);
    } finally {
      redis.thaw();
    }
  });

  it('loses its connection in the end, and with it whatever waits for its answers', async () => {
    redis.freeze();
    try {
      await Promise.all([1, 2, 3, 4, 5].map((id) => timedRead(id)));
      await vi.waitFor(() => expect(under.events).toContain('redis-disconnected'), { timeout: 3_000 });
      retryNow();
      expect((await timedRead(6)).ms).toBeLessThan(20);
    } finally {
      redis.thaw();
    }
  });

  it('never brings an old value back after a write that it did not hear of', async () => {
    await under.cache.read(detail(1), loaded('old'));
    redis.freeze();
    try {
      // With the breaker open, the invalidation is not even sent.
      await Promise.all([11, 12, 13, 14, 15].map((id) => timedRead(id)));
      await under.cache.invalidate({ performanceId: 1, genres: ['opera'] });
      expect(await under.metric('performance_cache_invalidation_failures_total')).toBe(1);
      expect(valueOf(await under.cache.read(detail(1), loaded('new')))).toBe('new');
    } finally {
      redis.thaw();
    }
    retryNow();
    const read = await under.cache.read(detail(1), loaded('new'));
    expect([read.result, valueOf(read)]).toEqual(['miss', 'new']);
  });
});

describe('a Redis that stalls while a lease is taken', () => {
  it('leaves no lease that nobody knows of: the page is stored again as soon as it answers', async () => {
    const client = new Redis(redis.url);
    // Reads go on, so it is the script that waits, until long after its caller has given it up.
    await client.call('CLIENT', 'PAUSE', 500, 'WRITE');
    expect((await timedRead(1)).result).toBe('bypass');
    await sleep(500);
    expect((await timedRead(1)).result).toBe('miss');
    expect((await timedRead(1)).result).toBe('hit');
    client.disconnect();
  });
});

describe('a Redis that was killed', () => {
  it('is missed by nobody, and is used again when it is back', async () => {
    await redis.kill();
    const reads = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((id) => timedRead(id)));
    expect(new Set(reads.map(({ result }) => result))).toEqual(new Set(['bypass']));
    expect(Math.max(...reads.map(({ ms }) => ms))).toBeLessThan(50);
    await under.cache.invalidate({ performanceId: 1, genres: [] });
    await redis.comeBack();
    await untilAsked(under.cache);
    await under.cache.read(detail(1), loaded('x'));
    expect((await under.cache.read(detail(1), loaded('y'))).result).toBe('hit');
    expect(under.events.filter((event) => event.startsWith('redis'))).toEqual([
      'redis-connected',
      'redis-disconnected',
      'redis-connected',
    ]);
  });

  it('fails what is in flight at once, not after the timeout', async () => {
    const slow = createCacheUnderTest(redis.url, { commandTimeoutMs: 2_000 });
    await untilAsked(slow.cache);
    redis.freeze();
    const startedAt = performance.now();
    const reading = slow.cache.read(detail(1), loaded('x'));
    await redis.kill();
    expect((await reading).result).toBe('bypass');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await slow.cache.close();
  });

  it('multiplies no load: a thousand readers of one page share one', async () => {
    await redis.kill();
    const held = heldLoad();
    const reads = Array.from({ length: 1_000 }, () => under.cache.read(list('opera'), held.load));
    await held.begun;
    await sleep(50);
    held.answer([]);
    await Promise.all(reads);
    expect(held.begins()).toBe(1);
  });

  it('keeps no reader on a load that began before a write of this process', async () => {
    await redis.kill();
    const old = heldLoad();
    const first = under.cache.read(detail(1), old.load);
    await old.begun;
    await under.cache.invalidate({ performanceId: 1, genres: ['opera'] });
    expect(valueOf(await under.cache.read(detail(1), loaded('new')))).toBe('new');
    old.answer('old');
    expect(valueOf(await first)).toBe('old');
  });

  it('lets no more loads at the database than allowed, and turns away who waited too long', async () => {
    await redis.kill();
    const limited = createCacheUnderTest(redis.url, { maxLoadsInFlight: 2, loadQueueTimeoutMs: 50 });
    const held = heldLoad();
    const reads = [1, 2, 3].map((id) => limited.cache.read(detail(id), held.load));
    await expect(reads[2]).rejects.toMatchObject({ code: 'overloaded', facts: { retryAfterSeconds: 1 } });
    expect(await limited.metric('performance_cache_loads_in_flight')).toBe(2);
    expect(await limited.metric('performance_cache_overloads_total')).toBe(1);
    held.answer('x');
    await Promise.all(reads.slice(0, 2));
    expect(await limited.metric('performance_cache_loads_in_flight')).toBe(0);
    await limited.cache.close();
  });
});

describe('a lost connection', () => {
  it('voids all that is stored, for nobody knows what was in flight on it', async () => {
    await under.cache.read(detail(1), loaded('old'));
    const client = new Redis(redis.url);
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await vi.waitFor(() => expect(under.events.filter((event) => event === 'redis-connected')).toHaveLength(2));
    const read = await under.cache.read(detail(1), loaded('new'));
    expect([read.result, valueOf(read)]).toEqual(['miss', 'new']);
    client.disconnect();
  });

  it('is over when there is a new one, however long the breaker would have waited', async () => {
    const clock = { epochMs: () => Date.now(), monotonicMs: () => 0 };
    const timeless = createCacheUnderTest(redis.url, {}, { clock });
    await untilAsked(timeless.cache);
    await redis.kill();
    for (let id = 1; id <= 5; id += 1) await timeless.cache.read(detail(id), loaded(id));
    expect(await timeless.metric('performance_cache_breaker_state', { state: 'open' })).toBe(1);
    await redis.comeBack();
    await untilAsked(timeless.cache);
    await timeless.cache.close();
  });
});

describe('a full Redis', () => {
  it('goes on answering hits; what it does not take is loaded each time, with the breaker closed', async () => {
    await under.cache.read(detail(1), loaded('x'));
    await under.cache.read(detail(1), loaded('x'));
    const client = new Redis(redis.url);
    await client.config('SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1mb');
    for (let id = 10; id < 30; id += 1) expect((await timedRead(id)).result).toBe('miss');
    expect((await timedRead(1)).result).toBe('hit');
    expect(await breakerIs('closed')).toBe(true);
    expect(await under.metric('performance_cache_refused_sets_total', { reason: 'full' })).toBe(20);
    await under.cache.invalidate({ performanceId: 1, genres: ['opera'] });
    expect(await client.exists(entryKeys(detail(1)).value)).toBe(0);
    expect(await under.metric('performance_cache_invalidation_failures_total')).toBe(0);
    client.disconnect();
  });
});

describe('a Redis that answers with errors', () => {
  it('is treated as one that does not answer', async () => {
    const client = new Redis(redis.url);
    await client.call('ACL', 'SETUSER', 'default', '-mget');
    const reads = await Promise.all([1, 2, 3, 4, 5].map((id) => timedRead(id)));
    expect(new Set(reads.map(({ result }) => result))).toEqual(new Set(['bypass']));
    expect(await breakerIs('open')).toBe(true);
    await client.call('ACL', 'SETUSER', 'default', '+mget');
    retryNow();
    await untilAsked(under.cache);
    client.disconnect();
  });
});

it('a Redis that was never there delays no reader', async () => {
  await redis.kill();
  const orphan = createCacheUnderTest(redis.url);
  expect((await orphan.cache.read(detail(1), loaded('x'))).result).toBe('bypass');
  await orphan.cache.close();
});
