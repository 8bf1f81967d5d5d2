import type { PerformanceCacheMetrics } from './performance-cache-metrics.ts';
import type { PerformanceCache } from './performance-cache.ts';

/** Every read is a load, as if nobody had thought of a cache. */
export function createOffPerformanceCache(metrics: PerformanceCacheMetrics): PerformanceCache {
  let inFlight = 0;
  return {
    async read(key, load) {
      metrics.loadsInFlight((inFlight += 1));
      const startedAtMs = performance.now();
      try {
        const representation = await load();
        metrics.request(key.kind, 'bypass');
        return { representation, result: 'bypass', ageSeconds: 0 };
      } catch (error) {
        metrics.request(key.kind, 'error');
        throw error;
      } finally {
        metrics.loadSeconds((performance.now() - startedAtMs) / 1_000);
        metrics.loadsInFlight((inFlight -= 1));
      }
    },
    invalidate: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
