import type { Redis } from 'ioredis';

import { changedKeys, entryKeys } from '../../src/performance-cache/keys.ts';
import type { PerformanceCache, PerformanceReadKey } from '../../src/performance-cache/performance-cache.ts';
import { decodeStoredValue, encodeStoredValue } from '../../src/performance-cache/stored-value.ts';

/** Of the detail itself or of its list pages: what an invalidation raises. */
const counterKey = (key: PerformanceReadKey): string => entryKeys(key).tokens[1] ?? entryKeys(key).value;

/**
 * Wrong on purpose: a value stands under a number that every write raises, read before the load. It is right as long
 * as nothing is evicted. A counter that was evicted begins again, and brings back the pages of its earlier numbers.
 */
export function createCounterVersions(client: Redis, ttlMs: number): PerformanceCache {
  return {
    async read(key, load) {
      const version = (await client.get(counterKey(key))) ?? '0';
      const value = `${entryKeys(key).value}:${version}`;
      const bytes = await client.getBuffer(value);
      const stored = bytes && decodeStoredValue(bytes, 0);
      if (stored) return { representation: stored.representation, result: 'hit', ageSeconds: 0 };
      const representation = await load();
      await client.set(value, encodeStoredValue('', { representation, storedAtMs: Date.now() }), 'PX', ttlMs);
      return { representation, result: 'miss', ageSeconds: 0 };
    },
    async invalidate(change) {
      const counters = changedKeys(change).filter((key) => !key.includes(':lease:'));
      await Promise.all(counters.map((counter) => client.incr(counter)));
    },
    close: () => Promise.resolve(),
  };
}
