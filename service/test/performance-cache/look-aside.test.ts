import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { entryKeys, generationKey } from '../../src/performance-cache/keys.ts';
import type { PerformanceCache, PerformanceReadKey } from '../../src/performance-cache/performance-cache.ts';
import { createPlainGetOrLoad } from '../controls/plain-get-or-load.ts';
import {
  createCacheUnderTest,
  detail,
  heldLoad,
  list,
  loaded,
  neverLoads,
  untilAsked,
  valueOf,
} from './cache-under-test.ts';
import type { CacheUnderTest } from './cache-under-test.ts';
import { startRedisProcess } from './redis-process.ts';
import type { RedisProcess } from './redis-process.ts';

let redis: RedisProcess;
let client: Redis;
/** Two processes of the service, as far as Redis can tell. */
let here: CacheUnderTest;
let there: CacheUnderTest;

beforeAll(async () => {
  redis = await startRedisProcess();
  client = new Redis(redis.url);
});
beforeEach(async () => {
  await client.flushall();
  here = createCacheUnderTest(redis.url);
  there = createCacheUnderTest(redis.url);
  await untilAsked(here.cache);
  await untilAsked(there.cache);
});
afterEach(async () => {
  await here.cache.close();
  await there.cache.close();
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});

describe('a read', () => {
  it('loads once, then sends the stored bytes and their tag, here and in another process', async () => {
    const miss = await here.cache.read(detail(1), loaded({ title: 'Tosca' }));
    const hit = await here.cache.read(detail(1), neverLoads);
    const hitThere = await there.cache.read(detail(1), neverLoads);
    expect([miss.result, hit.result, hitThere.result]).toEqual(['miss', 'hit', 'hit']);
    expect(hitThere.representation).toEqual(miss.representation);
  });

  it('asks Redis with exactly one MGET when it hits', async () => {
    await here.cache.read(list('opera'), loaded([1]));
    await here.cache.read(list('opera'), neverLoads);
    await client.config('RESETSTAT');
    await here.cache.read(list('opera'), neverLoads);
    const commands = [...(await client.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(
      ([, name, calls]) => `${name} ${calls}`,
    );
    expect(commands.filter((command) => !command.startsWith('config'))).toEqual(['mget 1']);
  });

  it('keeps an absence for its own, shorter time', async () => {
    const miss = await here.cache.read(detail(2), () => Promise.resolve(undefined));
    const negative = await here.cache.read(detail(2), neverLoads);
    expect([miss.result, negative.result, negative.representation]).toEqual(['miss', 'negative', undefined]);
    const remainingMs = await client.pttl(entryKeys(detail(2)).value);
    expect(remainingMs).toBeGreaterThan(0);
    expect(remainingMs).toBeLessThanOrEqual(5_500);
  });

  it('keeps every list page when what has changed is on none, and voids the absence', async () => {
    await here.cache.read(list(), loaded('all genres'));
    await here.cache.read(detail(4), () => Promise.resolve(undefined));
    await here.cache.invalidate({ performanceId: 4, genres: [] });
    expect((await here.cache.read(list(), neverLoads)).result).toBe('hit');
    expect((await here.cache.read(detail(4), loaded('created'))).result).toBe('miss');
  });

  it('tells how old the stored bytes are, by the clock of this process', async () => {
    let nowMs = 1_700_000_000_000;
    const clock = { epochMs: () => nowMs, monotonicMs: () => performance.now() };
    const timed = createCacheUnderTest(redis.url, {}, { clock });
    await untilAsked(timed.cache);
    await timed.cache.read(detail(3), loaded('x'));
    nowMs += 7_900;
    expect((await timed.cache.read(detail(3), neverLoads)).ageSeconds).toBe(7);
    nowMs -= 60_000;
    expect((await timed.cache.read(detail(3), neverLoads)).ageSeconds).toBe(0);
    await timed.cache.close();
  });

  it('leaves no key without a TTL, tokens and leases included', async () => {
    const held = heldLoad();
    await here.cache.read(detail(4), loaded('x'));
    await here.cache.read(detail(5), () => Promise.resolve(undefined));
    await here.cache.read(list('opera'), loaded([]));
    const loading = here.cache.read(list(undefined, 'Seoul'), held.load);
    await held.begun;
    const keys = await client.keys('*');
    const ttls = await Promise.all(keys.map(async (key) => [key, (await client.pttl(key)) > 0]));
    expect(ttls.filter(([, bounded]) => bounded === false)).toEqual([]);
    expect(keys.some((key) => key.includes(':lease:'))).toBe(true);
    expect(keys.filter((key) => key.includes(':version:'))).toHaveLength(2);
    held.answer([]);
    await loading;
  });

  it('rejects with what its load rejected with, and the next read does not wait for the lease', async () => {
    const broken = new Error('no such table');
    await expect(here.cache.read(detail(6), () => Promise.reject(broken))).rejects.toBe(broken);
    expect((await there.cache.read(detail(6), loaded('x'))).result).toBe('miss');
    expect(await there.metric('performance_cache_lease_waits_total')).toBe(0);
    expect(await here.metric('performance_cache_requests_total', { kind: 'detail', result: 'error' })).toBe(1);
  });
});

describe('many readers of one page that is not stored', () => {
  it('load once in a process', async () => {
    const held = heldLoad();
    const reads = Array.from({ length: 1_000 }, () => here.cache.read(list('opera', 'Seoul'), held.load));
    await held.begun;
    held.answer(['page']);
    const values = await Promise.all(reads);
    expect(values.every((read) => JSON.stringify(valueOf(read)) === '["page"]')).toBe(true);
    expect(held.begins()).toBe(1);
  });

  it('load once in two processes', async () => {
    const held = heldLoad();
    const readers = [here, there].flatMap(({ cache }) => Array.from({ length: 500 }, () => cache));
    const reads = readers.map((cache) => cache.read(list('opera', 'Busan'), held.load));
    await held.begun;
    await sleep(50);
    held.answer(['page']);
    await Promise.all(reads);
    expect(held.begins()).toBe(1);
    const waits = await Promise.all([here, there].map(({ metric }) => metric('performance_cache_lease_waits_total')));
    expect(waits.reduce((sum, waited) => sum + waited)).toBe(1);
  });

  it("load themselves, once and without storing, when another process's load takes too long", async () => {
    const slow = heldLoad();
    const first = here.cache.read(detail(7), slow.load);
    await slow.begun;
    const own = heldLoad();
    own.answer('own');
    const reads = await Promise.all(Array.from({ length: 20 }, () => there.cache.read(detail(7), own.load)));
    expect(new Set(reads.map((read) => `${read.result} ${String(valueOf(read))}`))).toEqual(new Set(['miss own']));
    expect(own.begins()).toBe(1);
    expect(await client.exists(entryKeys(detail(7)).value)).toBe(0);
    slow.answer('slow');
    await first;
    expect(valueOf(await there.cache.read(detail(7), neverLoads))).toBe('slow');
  });
});

/** A write lands while a load is under way; then a new reader comes. Answers what that reader is told. */
async function readAfterWriteDuringLoad(
  reader: PerformanceCache,
  writer: PerformanceCache,
  key: PerformanceReadKey,
): Promise<unknown> {
  let title = 'old';
  const slow = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const first = reader.read(key, async () => {
    const seen = title;
    begun.resolve();
    await slow.promise;
    return loaded(seen)();
  });
  await begun.promise;
  title = 'new';
  await writer.invalidate({ performanceId: 8, genres: ['opera'] });
  slow.resolve();
  await first;
  return valueOf(await reader.read(key, () => loaded(title)()));
}

describe('a write', () => {
  const keys: [string, PerformanceReadKey][] = [
    ['a detail', detail(8)],
    ["its genre's pages", list('opera')],
    ["all genres' pages", list()],
  ];

  it.each(keys)('voids %s that is stored, in all processes', async (_what, key) => {
    await here.cache.read(key, loaded('old'));
    await there.cache.invalidate({ performanceId: 8, genres: ['opera'] });
    expect(valueOf(await here.cache.read(key, loaded('new')))).toBe('new');
  });

  it.each(keys)('voids the load of %s that is under way, which is then not stored', async (_what, key) => {
    expect(await readAfterWriteDuringLoad(here.cache, there.cache, key)).toBe('new');
    expect(await here.metric('performance_cache_refused_sets_total')).toBe(1);
  });

  it.each(keys)('control: without a lease, %s is stored old', async (_what, key) => {
    const plain = createPlainGetOrLoad(client, 30_000);
    expect(await readAfterWriteDuringLoad(plain, plain, key)).toBe('old');
  });

  it('leaves the pages of other genres, and other details, as they are', async () => {
    await here.cache.read(detail(9), loaded('x'));
    await here.cache.read(list('dance'), loaded('x'));
    await there.cache.invalidate({ performanceId: 8, genres: ['opera'] });
    expect((await here.cache.read(detail(9), neverLoads)).result).toBe('hit');
    expect((await here.cache.read(list('dance'), neverLoads)).result).toBe('hit');
  });

  it('voids an absence when it creates what was absent', async () => {
    await here.cache.read(detail(8), () => Promise.resolve(undefined));
    await there.cache.invalidate({ performanceId: 8, genres: ['opera'] });
    expect(valueOf(await here.cache.read(detail(8), loaded('created')))).toBe('created');
  });

  it.each([
    ['another process', (): PerformanceCache => there.cache],
    ['this process', (): PerformanceCache => here.cache],
  ])('by %s keeps a new reader from joining a load that began before it', async (_where, writer) => {
    const old = heldLoad();
    const first = here.cache.read(detail(8), old.load);
    await old.begun;
    await writer().invalidate({ performanceId: 8, genres: [] });
    const second = await here.cache.read(detail(8), loaded('new'));
    expect(valueOf(second)).toBe('new');
    old.answer('old');
    expect(valueOf(await first)).toBe('old');
    expect(valueOf(await there.cache.read(detail(8), neverLoads))).toBe('new');
  });

  it('keeps a new reader from joining an older load also while another process loads the new version', async () => {
    const old = heldLoad();
    const first = here.cache.read(detail(8), old.load);
    await old.begun;
    await there.cache.invalidate({ performanceId: 8, genres: [] });
    const fresh = heldLoad();
    const loadingThere = there.cache.read(detail(8), fresh.load);
    await fresh.begun;
    const second = here.cache.read(detail(8), neverLoads);
    await sleep(20);
    old.answer('old');
    await first;
    fresh.answer('new');
    expect(valueOf(await second)).toBe('new');
    await loadingThere;
  });

  it('needs as many commands for one page as for a thousand', async () => {
    for (let page = 0; page < 100; page += 1) await here.cache.read(list('opera', `city ${page}`), loaded(page));
    await client.config('RESETSTAT');
    await here.cache.invalidate({ performanceId: 8, genres: ['opera'] });
    expect(await client.info('commandstats')).toMatch(/cmdstat_unlink:calls=1,/);
  });
});

describe('whatever is evicted, replaced or damaged', () => {
  it.each([
    ['the generation', generationKey],
    ['the version', 'performance-cache:1:version:opera'],
    ['the value', entryKeys(list('opera')).value],
  ])('%s: the page is loaded again and then hit again', async (_what, key) => {
    for (const damage of [
      (): Promise<unknown> => client.del(key),
      (): Promise<unknown> => client.set(key, 'garbage', 'PX', 60_000),
      async (): Promise<unknown> => (await client.del(key), client.lpush(key, 'a list')),
    ]) {
      await here.cache.read(list('opera'), loaded('before'));
      await damage();
      const read = await here.cache.read(list('opera'), loaded('after'));
      expect([read.result, valueOf(read)]).toEqual(['miss', 'after']);
      expect(valueOf(await here.cache.read(list('opera'), neverLoads))).toBe('after');
      await here.cache.invalidate({ performanceId: 1, genres: ['opera'] });
    }
  });

  it('an evicted version does not come back: what hung on it stays void', async () => {
    await here.cache.read(list('opera'), loaded('old'));
    await client.del('performance-cache:1:version:opera');
    await here.cache.read(list('opera', 'Seoul'), loaded('elsewhere'));
    expect(valueOf(await here.cache.read(list('opera'), loaded('new')))).toBe('new');
  });

  it('a lease that ran out is refused its set', async () => {
    const held = heldLoad();
    const reading = here.cache.read(detail(10), held.load);
    await held.begun;
    await client.del(entryKeys(detail(10)).lease);
    held.answer('late');
    expect(valueOf(await reading)).toBe('late');
    await vi.waitFor(async () =>
      expect(await here.metric('performance_cache_refused_sets_total', { reason: 'lease' })).toBe(1),
    );
    expect(await client.exists(entryKeys(detail(10)).value)).toBe(0);
  });

  it('scripts that the server forgot are told to it again', async () => {
    await client.script('FLUSH');
    await here.cache.read(detail(11), loaded('x'));
    expect((await here.cache.read(detail(11), neverLoads)).result).toBe('hit');
  });
});
