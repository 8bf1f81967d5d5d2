import { Redis } from 'ioredis';

import type { RedisNode } from '../stage.ts';

/** Nothing is stored any more: whoever reads next finds the cache cold. */
export async function emptyCache({ url }: RedisNode): Promise<void> {
  const client = new Redis(url);
  try {
    await client.flushall();
  } finally {
    client.disconnect();
  }
}
