import { Redis } from 'ioredis';
import type { Probe } from './probe.ts';

/** What the cache's Redis says of itself: INFO of Redis 7.0 or later. */
export async function openRedisInfo(url: string): Promise<Probe> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  // The command that is lost with the connection rejects.
  client.on('error', () => undefined);
  await client.connect();
  return {
    async read() {
      const { counters, levels } = parseRedisInfo(await client.info('everything'));
      return [{ source: 'redis INFO', counters, levels }];
    },
    close: async () => client.disconnect(),
  };
}

/** @throws naming the field that is missing */
function parseRedisInfo(info: string): Record<'counters' | 'levels', Record<string, number>> {
  const fields = new Map(
    Array.from(info.matchAll(/^([^#\s:]+):(.*?)\r?$/gm), ([, name = '', value = '']) => [name, value]),
  );
  const number = (name: string): number => {
    const value = Number(fields.get(name) ?? Number.NaN);
    if (Number.isNaN(value)) throw new Error(`Redis INFO has no number ${name}: ${fields.get(name)}`);
    return value;
  };
  const sumOf = (prefix: string, key: string): number => {
    let sum = 0;
    for (const [name, value] of fields) {
      // The lab's own readings.
      if (!name.startsWith(prefix) || name === 'cmdstat_info') continue;
      sum += Number(new RegExp(`(?:^|,)${key}=(\\d+)`).exec(value)?.[1]);
    }
    return sum;
  };
  const keys = sumOf('db', 'keys');
  return {
    counters: {
      redis_cache_commands: sumOf('cmdstat_', 'calls'),
      redis_cache_evictions: number('evicted_keys'),
      redis_cache_expirations: number('expired_keys'),
    },
    levels: {
      redis_cache_keys: keys,
      redis_cache_keys_without_ttl: keys - sumOf('db', 'expires'),
      redis_cache_used_bytes: number('used_memory'),
    },
  };
}
