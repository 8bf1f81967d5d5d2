import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';

import { startRedisServer } from '../../../benchmarks/environments/redis-server.ts';
import { createSeatCreation } from '../../src/seat-creation/create-seat-creation.ts';
import { createSeatCreationMetrics } from '../../src/seat-creation/seat-creation-metrics.ts';
import { recordEvents } from '../recorded-events.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';
import { job, leftOver } from './queue-under-test.ts';

function startProcess(store: MemoryStore, redisUrl: string) {
  const { logger } = recordEvents();
  const seatCreation = createSeatCreation(
    { mode: 'stream', redisUrl, role: 'all', backlogLimit: 10_000, minIdleMs: 1_000 },
    {
      store,
      cache: { invalidate: () => Promise.resolve() },
      metrics: createSeatCreationMetrics(new Registry()),
      logger: { ...logger, error: logger.warn },
    },
  );
  void seatCreation.start();
  return seatCreation;
}

/** The same server again: its port and its append-only file. */
async function comeBack(directory: string, port: number): Promise<ChildProcess> {
  const settings = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction', '--save', ''];
  const place = ['--dir', directory, '--port', String(port), '--bind', '127.0.0.1'];
  const server = spawn('redis-server', [...place, ...settings], { stdio: 'ignore' });
  await once(server, 'spawn');
  return server;
}

it('keeps every accepted job when Redis is killed under load, and works again within 2 s of its return', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'redis-restart-'));
  const first = await startRedisServer({ role: 'queue', directory });
  const store = createMemoryStore();
  store.beforeCommit = () => new Promise((resolve) => void setTimeout(resolve, 5));
  const seatCreation = startProcess(store, first.url);
  const admin = new Redis(first.url);
  admin.on('error', () => undefined);
  let server: ChildProcess | undefined;
  onTestFinished(async () => {
    await seatCreation.stop(1_000);
    seatCreation.close();
    admin.disconnect();
    if (server) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
    rmSync(directory, { recursive: true });
  });

  const accepted: number[] = [];
  let next = 0;
  const acceptFor = async (ms: number): Promise<void> => {
    for (const until = performance.now() + ms; performance.now() < until;) {
      const id = (next += 1);
      const answer = await seatCreation.queue.accept(job(id)).catch(() => undefined);
      if (answer) accepted.push(id);
      await new Promise((resolve) => void setImmediate(resolve));
    }
  };
  await acceptFor(300);
  for (let death = 0; death < 3; death += 1) {
    const accepting = acceptFor(200);
    const victim = server?.pid ?? first.processId;
    process.kill(victim, 'SIGKILL');
    await accepting;
    server = await comeBack(directory, first.port);
    await expect.poll(() => admin.ping().catch(String), { timeout: 5_000, interval: 10 }).toBe('PONG');
    const returnedMs = performance.now();
    const before = accepted.length;
    while (accepted.length === before && performance.now() - returnedMs < 5_000) await acceptFor(20);
    const last = accepted.at(-1);
    await expect.poll(() => store.created.get(`hall:${last}`), { timeout: 5_000, interval: 10 }).toBe(1);
    expect(performance.now() - returnedMs).toBeLessThan(2_000);
  }
  await expect.poll(() => leftOver(admin), { timeout: 5_000 }).toEqual([]);
  expect(accepted.length).toBeGreaterThan(10);
  expect(accepted.filter((id) => store.created.get(`hall:${id}`) !== 1)).toEqual([]);
});
