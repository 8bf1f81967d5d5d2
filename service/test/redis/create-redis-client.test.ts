import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
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

/** As much of a server as a client asks for before it is ready; it is loading for the first three looks. */
function startLoadingServer(etaSeconds: number) {
  let looks = 0;
  const info = (): string => {
    looks += 1;
    return looks > 3 ? 'loading:0\r\n' : `loading:1\r\nloading_eta_seconds:${etaSeconds}\r\n`;
  };
  const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      for (const [, command = ''] of bytes.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        const name = command.toUpperCase();
        socket.write(name === 'HELLO' ? '%1\r\n+proto\r\n:3\r\n' : name === 'INFO' ? bulk(info()) : '+OK\r\n');
      }
    });
  });
  return { server: server.listen(0, '127.0.0.1'), looks: () => looks };
}

it('looks four times a second at a server that is loading, whatever it estimates', async () => {
  const { server: loading, looks } = startLoadingServer(60);
  await once(loading, 'listening');
  const address = loading.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { logger } = recordEvents();
  const client = createRedisClient({
    role: 'publish',
    url: `redis://127.0.0.1:${port}`,
    commandTimeoutMs: 5_000,
    logger,
  });
  await once(client, 'ready', { signal: AbortSignal.timeout(10_000) });
  expect(looks()).toBe(4);
  client.disconnect();
  loading.close();
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
