import type { Redis } from 'ioredis';

import { changedKeys, entryKeys } from '../../src/performance-cache/keys.ts';
import type { PerformanceCache } from '../../src/performance-cache/performance-cache.ts';
import { decodeStoredValue, encodeStoredValue } from '../../src/performance-cache/stored-value.ts';

/**
 * Wrong on purpose: get, else load and set, with the same bytes and the same invalidation but neither lease nor
 * tokens. It is what most caches do, and it keeps the old value when a write lands while a load is under way.
 */
export function createPlainGetOrLoad(client: Redis, ttlMs: number): PerformanceCache {
  return {
    async read(key, load) {
      const { value } = entryKeys(key);
      const bytes = await client.getBuffer(value);
      const stored = bytes && decodeStoredValue(bytes, 0);
      if (stored) return { representation: stored.representation, result: 'hit', ageSeconds: 0 };
      const representation = await load();
      await client.set(value, encodeStoredValue('', { representation, storedAtMs: Date.now() }), 'PX', ttlMs);
      return { representation, result: 'miss', ageSeconds: 0 };
    },
    async invalidate(change) {
      await client.unlink(...changedKeys(change));
    },
    close: () => Promise.resolve(),
  };
}
