import { Registry } from 'prom-client';
import { vi } from 'vitest';

import { createPerformanceCache } from '../../src/performance-cache/create-performance-cache.ts';
import type { PerformanceCacheDependencies } from '../../src/performance-cache/create-performance-cache.ts';
import type { LookAsideOptions } from '../../src/performance-cache/look-aside.ts';
import { createPerformanceCacheMetrics } from '../../src/performance-cache/performance-cache-metrics.ts';
import type {
  PerformanceCache,
  PerformanceReadKey,
  Representation,
} from '../../src/performance-cache/performance-cache.ts';
import { createRepresentation } from '../../src/performance-cache/representation.ts';
import { recordEvents } from '../recorded-events.ts';
import { sumOfMetric } from '../sum-of-metric.ts';

export const detail = (performanceId: number): PerformanceReadKey => ({ kind: 'detail', performanceId });
export const list = (genre?: 'opera' | 'dance', city?: string): PerformanceReadKey => ({
  kind: 'list',
  genre,
  city,
  cursor: undefined,
  limit: 20,
});

export const lookAside = {
  mode: 'look-aside',
  ttlMs: 30_000,
  negativeTtlMs: 5_000,
  commandTimeoutMs: 250,
  leaseWaitMs: 300,
  leaseTtlMs: 5_000,
  maxLoadsInFlight: 8,
  loadQueueTimeoutMs: 1_000,
} as const;

export interface CacheUnderTest {
  readonly cache: PerformanceCache;
  /** The sum of a metric's series that carry these labels. */
  readonly metric: (name: string, labels?: Record<string, string>) => Promise<number>;
  /** Events that were logged, in order. */
  readonly events: readonly string[];
}

export function createCacheUnderTest(
  redisUrl: string,
  options: Partial<LookAsideOptions> = {},
  dependencies: Partial<PerformanceCacheDependencies> = {},
): CacheUnderTest {
  const registry = new Registry();
  const { events, logger } = recordEvents();
  const cache = createPerformanceCache(
    { ...lookAside, redisUrl, ...options },
    { metrics: createPerformanceCacheMetrics(registry), logger, ...dependencies },
  );
  return {
    cache,
    events,
    metric: (name, labels) => sumOfMetric(registry, name, labels),
  };
}

/** Resolves when the cache asks its Redis: until then it serves from the database. */
export async function untilAsked(cache: PerformanceCache): Promise<void> {
  let performanceId = 900_000_000;
  await vi.waitFor(
    async () => {
      performanceId += 1;
      const { result } = await cache.read(detail(performanceId), () => Promise.resolve(createRepresentation('ready')));
      if (result === 'bypass') throw new Error('The cache does not ask its Redis');
    },
    { timeout: 10_000, interval: 10 },
  );
}

/** A load that answers when it is told to, and counts how often it began. */
export function heldLoad(): {
  readonly load: () => Promise<Representation | undefined>;
  readonly begun: Promise<void>;
  answer(value: unknown): void;
  begins(): number;
} {
  const begun = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<Representation | undefined>();
  let begins = 0;
  return {
    load() {
      begins += 1;
      begun.resolve();
      return answered.promise;
    },
    begun: begun.promise,
    answer: (value) => answered.resolve(value === undefined ? undefined : createRepresentation(value)),
    begins: () => begins,
  };
}

/** A load that answers this value at once. */
export const loaded = (value: unknown) => (): Promise<Representation> => Promise.resolve(createRepresentation(value));

export const neverLoads = (): Promise<never> => Promise.reject(new Error('There was no reason to load'));

/** What a read answered, parsed. */
export function valueOf({ representation }: { readonly representation: Representation | undefined }): unknown {
  return representation && JSON.parse(representation.body.toString());
}
