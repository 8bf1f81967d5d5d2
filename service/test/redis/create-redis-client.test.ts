import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { startRedisServer } from '../../../benchmarks/environments/redis-server.ts';
import type { RedisServer } from '../../../benchmarks/environments/redis-server.ts';
import { createRedisClient, reconnectDelayMs } from '../../src/redis/create-redis-client.ts';
import { recordEvents } from '../recorded-events.ts';

let directory: string;
let server: RedisServer;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'redis-client-'));
  server = await startRedisServer({ role: 'cache', directory });
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

describe('the cache client', () => {
  it('speaks RESP3 and is known to the server by its role', async () => {
    const client = createRedisClient({
      role: 'cache',
      url: server.url,
      commandTimeoutMs: 1_000,
      logger: recordEvents().logger,
    });
    await once(client, 'ready');
    expect(await client.client('LIST')).toMatch(/name=cache .* resp=3/);
    client.disconnect();
  });

  it('refuses a command at once when there is no connection', async () => {
    const client = createRedisClient({
      role: 'cache',
      url: server.url,
      commandTimeoutMs: 1_000,
      logger: recordEvents().logger,
    });
    await expect(client.get('key')).rejects.toThrow('enableOfflineQueue');
    client.disconnect();
  });

  it('keeps trying to connect, and says once that the server is out of reach', async () => {
    const { events, logger } = recordEvents();
    const client = createRedisClient({ role: 'cache', url: 'redis://127.0.0.1:1', commandTimeoutMs: 100, logger });
    let attempts = 0;
    client.on('reconnecting', () => {
      attempts += 1;
    });
    await vi.waitFor(() => expect(attempts).toBe(3), { timeout: 5_000 });
    expect(events).toEqual(['redis-disconnected']);
    client.disconnect();
  });
});

it('reconnects wait longer each time, to a limit, and never all together', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), random, (attempt, u) => {
      const ceilingMs = Math.min(50 * 2 ** (attempt - 1), 2_000);
      const delayMs = reconnectDelayMs(attempt, 2_000, () => u);
      expect(delayMs).toBeGreaterThanOrEqual(ceilingMs / 2);
      expect(delayMs).toBeLessThanOrEqual(ceilingMs);
    }),
  );
});
