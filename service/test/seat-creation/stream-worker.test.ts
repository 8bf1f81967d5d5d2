import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { systemClock } from '../../src/seat-creation/clock.ts';
import { createSeatCreation } from '../../src/seat-creation/create-seat-creation.ts';
import { createSeatCreationMetrics } from '../../src/seat-creation/seat-creation-metrics.ts';
import { groupName, streamKey } from '../../src/seat-creation/stream-keys.ts';
import { recordEvents } from '../recorded-events.ts';
import { createMemoryStore, type MemoryStore, outage } from './memory-store.ts';
import { job, leftOver, type QueueUnderTest, startQueue } from './queue-under-test.ts';

let queue: QueueUnderTest;
beforeAll(async () => {
  queue = await startQueue();
});
beforeEach(() => queue.empty());
afterAll(() => queue.stop());

/** The whole of a process's part, with real time. */
function startProcess(store: MemoryStore, redisUrl = queue.url) {
  const registry = new Registry();
  const { events, logger } = recordEvents();
  const seatCreation = createSeatCreation(
    { mode: 'stream', redisUrl, role: 'all', backlogLimit: 100, minIdleMs: 600 },
    {
      store,
      cache: { invalidate: () => Promise.resolve() },
      metrics: createSeatCreationMetrics(registry),
      logger: { ...logger, error: logger.warn },
      clock: systemClock,
    },
  );
  void seatCreation.start();
  return {
    seatCreation,
    events,
    metrics: () => registry.metrics(),
    async stop(graceMs = 2_000) {
      await seatCreation.stop(graceMs);
      seatCreation.close();
    },
  };
}

const soon = { timeout: 5_000, interval: 10 };

describe('a worker', () => {
  it('does what is accepted, shows how it stands, and leaves nothing but a free name', async () => {
    const store = createMemoryStore();
    const worker = startProcess(store);
    for (let id = 1; id <= 50; id += 1) await queue.publisher.accept(job(id));
    await expect.poll(() => store.created.size, soon).toBe(50);
    await expect.poll(() => leftOver(queue.admin), soon).toEqual([]);
    expect(await worker.metrics()).toContain('seat_creation_backlog_jobs 0');
    expect(await worker.metrics()).toContain('seat_creation_consumer_state{state="reading"} 1');
    await worker.stop();
    expect(await queue.admin.keys('seat-creation:slot:*')).toEqual([]);
    expect(await worker.metrics()).toContain('seat_creation_consumer_state{state="stopped"} 1');
    expect(await worker.metrics()).toContain('seat_creation_backlog_jobs Nan');
  });

  it('finishes the transaction that runs when it is stopped, and hands the rest back uncounted', async () => {
    const store = createMemoryStore();
    const begun = Promise.withResolvers<void>();
    const mayCommit = Promise.withResolvers<void>();
    store.beforeCommit = () => {
      begun.resolve();
      return mayCommit.promise;
    };
    const big = { plannedSeats: 100_000 };
    for (const id of [1, 2, 3]) await queue.publisher.accept(job(id, big));
    const worker = startProcess(store);
    await begun.promise;
    const stopped = worker.stop();
    mayCommit.resolve();
    await stopped;
    expect([...store.created.keys()]).toEqual(['hall:1']);
    expect(await queue.pending()).toMatchObject([{ deliveries: 0 }, { deliveries: 0 }]);
    const next = startProcess(store);
    await expect.poll(() => store.created.size, soon).toBe(3);
    await next.stop();
  });

  it('leaves within its grace what does not end, and the next one has it without waiting for min-idle', async () => {
    const store = createMemoryStore();
    const begun = Promise.withResolvers<void>();
    store.beforeCommit = () => {
      begun.resolve();
      return new Promise(() => undefined);
    };
    await queue.publisher.accept(job(1));
    const stuck = startProcess(store);
    await begun.promise;
    await stuck.stop(100);
    expect(await queue.pending()).toMatchObject([{ deliveries: 0 }]);
    store.beforeCommit = () => Promise.resolve();
    const next = startProcess(store);
    await expect.poll(() => store.created.size, soon).toBe(1);
    await next.stop();
  });

  it('pauses during an outage of the database while jobs are accepted, and drains by itself', async () => {
    const store = createMemoryStore();
    const worker = startProcess(store);
    store.answers.push(outage, outage, outage);
    for (let id = 1; id <= 20; id += 1)
      await worker.seatCreation.queue.accept(job(id)).catch(() => queue.publisher.accept(job(id)));
    await expect.poll(() => store.created.size, soon).toBe(20);
    expect(await worker.metrics()).toMatch(/seat_creation_pauses_total [123]/);
    await worker.stop();
  });

  it('keeps long work alive by heartbeats for longer than min-idle, and nobody else begins it', async () => {
    const store = createMemoryStore();
    let begun = 0;
    store.beforeCommit = async () => {
      begun += 1;
      await new Promise((resolve) => void setTimeout(resolve, 2_000));
    };
    await queue.publisher.accept(job(1));
    const workers = [startProcess(store), startProcess(store)];
    await expect.poll(() => store.created.size, soon).toBe(1);
    expect(begun).toBe(1);
    await Promise.all(workers.map((worker) => worker.stop()));
  });

  it('needs no Redis to start or to stop', async () => {
    const worker = startProcess(createMemoryStore(), 'redis://127.0.0.1:1');
    await expect.poll(() => worker.events, soon).toContain('seat-creation-no-slot');
    await worker.stop();
  });

  it('takes a free name, so that deploys do not lengthen the list of consumers', async () => {
    for (let deploy = 0; deploy < 5; deploy += 1) {
      const store = createMemoryStore();
      await queue.publisher.accept(job(deploy + 1));
      const worker = startProcess(store);
      await expect.poll(() => store.created.size, soon).toBe(1);
      await worker.stop();
    }
    expect(await queue.admin.xinfo('CONSUMERS', streamKey, groupName)).toHaveLength(1);
  });
});
