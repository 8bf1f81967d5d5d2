import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Redis } from 'ioredis';

import { repeatedly } from '../repeatedly.ts';
import type { Metric } from '../service-metrics.ts';
import type { Stage, StageRequest } from '../stage.ts';

/** What befalls the cache's Redis. */
export interface RedisFault {
  readonly id: string;
  readonly label: string;
  readonly how: string;
  readonly stage?: Pick<StageRequest, 'proxied' | 'redisCache'>;
  /** Whether the breaker has to open: the server does not answer, and its connection lasts. */
  readonly breakerOpens: boolean;
  /** Metrics of the cache that have to show it, besides those of every fault; a write comes soon after its begin. */
  readonly moves: readonly Metric[];
  /** The returned function ends it, and resolves when Redis could be used again. */
  begin(stage: Stage): Promise<() => Promise<void>>;
}

const bypass: Metric = { name: 'performance_cache_requests_total', labels: { result: 'bypass' } };
const miss: Metric = { name: 'performance_cache_requests_total', labels: { result: 'miss' } };
const full: Metric = { name: 'performance_cache_refused_sets_total', labels: { reason: 'full' } };
const open: Metric = { name: 'performance_cache_breaker_state', labels: { state: 'open' } };
const undelivered: Metric = { name: 'performance_cache_invalidation_failures_total' };

export async function withAdmin<Result>(stage: Stage, work: (admin: Redis) => Promise<Result>): Promise<Result> {
  const admin = new Redis(stage.redisCache.url);
  try {
    return await work(admin);
  } finally {
    admin.disconnect();
  }
}

function proxyOf({ proxies }: Stage): NonNullable<Stage['proxies']['redisCache']> {
  if (!proxies.redisCache) throw new Error('this fault needs proxied: redisCache');
  return proxies.redisCache;
}

/** Enough that loading them, with the delay a key, takes about as long as the short fault. */
const keysToLoad = 2_000;

/** In an order in which one can follow the other on the same stage. */
export const redisFaults: readonly RedisFault[] = [
  {
    id: 'killed',
    label: 'cache killed',
    how: 'SIGKILL, started again at the end',
    breakerOpens: false,
    moves: [bypass, undelivered],
    async begin({ redisCache }) {
      await redisCache.kill();
      return () => redisCache.start();
    },
  },
  {
    id: 'frozen',
    label: 'cache frozen',
    how: 'SIGSTOP, SIGCONT at the end',
    breakerOpens: true,
    moves: [bypass, open, undelivered],
    begin({ redisCache }) {
      redisCache.freeze();
      return Promise.resolve(() => Promise.resolve(redisCache.thaw()));
    },
  },
  {
    id: 'slow',
    label: 'cache slow',
    how: 'every answer takes 300 ms longer',
    stage: { proxied: ['redisCache'] },
    breakerOpens: true,
    moves: [bypass, open, undelivered],
    begin(stage) {
      const proxy = proxyOf(stage);
      proxy.setDelay(0.15);
      return Promise.resolve(() => proxy.heal());
    },
  },
  {
    id: 'half-open',
    label: 'cache half-open',
    how: 'connections that are open carry nothing more and stay open; new ones work',
    stage: { proxied: ['redisCache'] },
    breakerOpens: true,
    moves: [bypass, open, undelivered],
    begin(stage) {
      const proxy = proxyOf(stage);
      proxy.halfOpen();
      return Promise.resolve(() => proxy.heal());
    },
  },
  {
    id: 'resetting',
    label: 'cache resetting',
    how: 'every connection is reset every 50 ms',
    stage: { proxied: ['redisCache'] },
    breakerOpens: false,
    moves: [bypass],
    begin(stage) {
      const proxy = proxyOf(stage);
      return Promise.resolve(repeatedly(50, () => proxy.reset()));
    },
  },
  {
    id: 'full',
    label: 'cache full',
    how: 'emptied, then maxmemory 1 with noeviction: every write is answered OOM',
    breakerOpens: false,
    moves: [miss, full],
    async begin(stage) {
      await withAdmin(stage, async (admin) => {
        await admin.flushall();
        await admin.config('SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction');
      });
      return () =>
        withAdmin(stage, async (admin) => {
          await admin.config('SET', 'maxmemory', '64mb', 'maxmemory-policy', 'allkeys-lfu');
        });
    },
  },
  {
    id: 'loading',
    label: 'cache loading',
    how: `SIGKILL, then started at once with a snapshot of what it held and ${keysToLoad} more keys, which it loads slowly`,
    stage: { redisCache: { settings: { 'key-load-delay': '1500', 'loading-process-events-interval-bytes': '1024' } } },
    breakerOpens: false,
    moves: [bypass, undelivered],
    async begin(stage) {
      const fill = `for i = 1, ${keysToLoad} do redis.call('SET', 'filler:' .. i, string.rep('x', 100)) end`;
      await withAdmin(stage, async (admin) => {
        await admin.eval(fill, 0);
        await admin.save();
      });
      await stage.redisCache.kill();
      const started = stage.redisCache.start();
      started.catch(() => undefined);
      return async () => {
        await started;
        // Or the next start of it would load it, too.
        await rm(join(stage.redisCache.directory, 'dump.rdb'));
      };
    },
  },
  {
    id: 'wrong-type',
    label: 'cache of wrong types',
    how: 'every key of the cache is replaced by a list, every 50 ms',
    breakerOpens: false,
    moves: [miss],
    begin(stage) {
      const admin = new Redis(stage.redisCache.url);
      const stop = repeatedly(50, async () => {
        const keys = await admin.keys('performance-cache:*');
        const replaced = admin.multi();
        for (const key of keys) replaced.del(key).rpush(key, 'not what it was');
        await replaced.exec();
      });
      return Promise.resolve(async () => {
        await stop();
        admin.disconnect();
      });
    },
  },
];
