import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';

import type { CacheConnection } from '../../src/performance-cache/cache-connection.ts';
import { systemClock } from '../../src/performance-cache/clock.ts';
import { createLoadLimit } from '../../src/performance-cache/load-limit.ts';
import { createLookAsidePerformanceCache } from '../../src/performance-cache/look-aside.ts';
import type { LookAsideOptions } from '../../src/performance-cache/look-aside.ts';
import { createPerformanceCacheMetrics } from '../../src/performance-cache/performance-cache-metrics.ts';
import type { PerformanceCache } from '../../src/performance-cache/performance-cache.ts';
import { createRedisClient } from '../../src/redis/create-redis-client.ts';
import { createCounterVersions } from './counter-versions.ts';
import { createPlainGetOrLoad } from './plain-get-or-load.ts';
import { type Alteration, runControlledService } from './run-controlled-service.ts';

/**
 * The service with a cache that is wrong on purpose, in one way:
 * `node service/test/controls/performance-cache-control.ts plain-get-or-load`, with the service's own environment.
 */
interface Change extends Pick<Alteration, 'overrides'> {
  readonly options?: Partial<LookAsideOptions>;
}

/** Longer than any run, and ten of them still fit a timer. */
const dayMs = 86_400_000;

const controls: Readonly<Record<string, (options: LookAsideOptions, logger: Logger) => Change>> = {
  'plain-get-or-load': ({ redisUrl, ttlMs }) => ({
    overrides: { performanceCache: createPlainGetOrLoad(new Redis(redisUrl), ttlMs) },
  }),
  'counter-versions': ({ redisUrl, ttlMs }) => ({
    overrides: { performanceCache: createCounterVersions(new Redis(redisUrl), ttlMs) },
  }),
  /** Waits for a server that hangs, and never gives its connection up. */
  'no-command-timeout': () => ({ options: { commandTimeoutMs: dayMs } }),
  /** Asks the database for whatever the cache does not have, however busy it is. */
  'unlimited-loads': () => ({ options: { maxLoadsInFlight: Number.MAX_SAFE_INTEGER } }),
  /** Does not remember the invalidations that were not delivered. */
  'forgotten-invalidations': (options, logger) => ({
    overrides: { performanceCache: createForgetfulCache(options, logger) },
  }),
  /** What was stored together expires together. */
  'no-jitter': () => ({ overrides: { random: () => 0.5 } }),
};

function createForgetfulCache(options: LookAsideOptions, logger: Logger): PerformanceCache {
  const { redisUrl: url, commandTimeoutMs, maxLoadsInFlight, loadQueueTimeoutMs: queueTimeoutMs } = options;
  const client = createRedisClient({ role: 'cache', url, commandTimeoutMs, logger });
  const connection: CacheConnection = {
    async ask(command) {
      try {
        return { answered: true, reply: await command(client) };
      } catch {
        return { answered: false, why: 'unavailable' };
      }
    },
    distrust: () => undefined,
    close: () => client.disconnect(),
  };
  return createLookAsidePerformanceCache(options, {
    connection,
    loadLimit: createLoadLimit({ maxLoadsInFlight, queueTimeoutMs, onInFlight() {}, onOverload() {} }),
    metrics: createPerformanceCacheMetrics(new Registry()),
    clock: systemClock,
    sleep,
    random: Math.random,
  });
}

const name = process.argv[2] ?? '';
const change = controls[name];
if (!change) throw new Error(`there is no control "${name}": there are ${Object.keys(controls).join(', ')}`);
await runControlledService(name, (config, logger) => {
  const { performanceCache } = config;
  if (performanceCache.mode !== 'look-aside') {
    throw new Error(`PERFORMANCE_CACHE must be look-aside for ${name}, got ${performanceCache.mode}`);
  }
  const { options, overrides = {} } = change(performanceCache, logger);
  return { config: { ...config, performanceCache: { ...performanceCache, ...options } }, overrides };
});
