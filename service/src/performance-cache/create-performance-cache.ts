import { setTimeout as sleep } from 'node:timers/promises';

import type { Logger } from 'pino';

import { createRedisClient } from '../redis/create-redis-client.ts';
import { isOutOfMemory } from '../redis/out-of-memory.ts';
import { createBreaker } from './breaker.ts';
import { createCacheConnection } from './cache-connection.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { createLoadLimit } from './load-limit.ts';
import { createLookAsidePerformanceCache } from './look-aside.ts';
import { createOffPerformanceCache } from './off.ts';
import type { PerformanceCacheMetrics } from './performance-cache-metrics.ts';
import type { PerformanceCache, PerformanceCacheOptions } from './performance-cache.ts';

export interface PerformanceCacheDependencies {
  readonly metrics: PerformanceCacheMetrics;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly clock?: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random?: () => number;
}

const failureThreshold = 5;
const retryAfterMs = 1_000;

/** Returns at once: until the connection stands, the database serves. */
export function createPerformanceCache(
  options: PerformanceCacheOptions,
  { metrics, logger, clock = systemClock, random = Math.random }: PerformanceCacheDependencies,
): PerformanceCache {
  if (options.mode === 'off') return createOffPerformanceCache(metrics);
  const client = createRedisClient({
    role: 'cache',
    url: options.redisUrl,
    commandTimeoutMs: options.commandTimeoutMs,
    logger,
    random,
  });
  const breaker = createBreaker({
    failureThreshold,
    retryAfterMs,
    isFailure: (error) => !isOutOfMemory(error),
    monotonicMs: () => clock.monotonicMs(),
    onState: (state) => metrics.breakerState(state),
    logger,
  });
  const loadLimit = createLoadLimit({
    maxLoadsInFlight: options.maxLoadsInFlight,
    queueTimeoutMs: options.loadQueueTimeoutMs,
    onInFlight: (loads) => metrics.loadsInFlight(loads),
    onOverload: () => metrics.overload(),
  });
  const connection = createCacheConnection(client, breaker, logger);
  return createLookAsidePerformanceCache(options, { connection, loadLimit, metrics, clock, sleep, random });
}
