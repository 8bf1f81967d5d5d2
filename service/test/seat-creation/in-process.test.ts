import { describe, expect, it, vi } from 'vitest';

import { Registry } from 'prom-client';

import { createInProcessSeatCreation } from '../../src/seat-creation/in-process.ts';
import { createSeatCreationMetrics } from '../../src/seat-creation/seat-creation-metrics.ts';
import { recordEvents } from '../recorded-events.ts';
import { createFakeClock } from './fake-clock.ts';
import { createMemoryStore, outage } from './memory-store.ts';
import { job } from './queue-under-test.ts';

function setUp(concurrency = 2) {
  const store = createMemoryStore();
  const { events, logger } = recordEvents();
  const clock = createFakeClock();
  const invalidated: number[] = [];
  const queue = createInProcessSeatCreation({
    store,
    cache: { invalidate: async ({ performanceId }) => void invalidated.push(performanceId) },
    metrics: createSeatCreationMetrics(new Registry()),
    clock,
    random: () => 0.5,
    logger: { ...logger, error: logger.warn },
    concurrency,
    backlogLimit: 5,
  });
  return { store, events, clock, invalidated, queue };
}

describe('seat creation in the process', () => {
  it('answers before the work begins, does it, invalidates, and forgets it', async () => {
    const { store, queue, invalidated } = setUp();
    const accepted = job(1);
    expect(await queue.accept(accepted)).toEqual({ result: 'accepted', operationId: accepted.operationId });
    expect(store.transactions).toEqual([]);
    expect(await queue.find(accepted.operationId)).toMatchObject({ state: 'accepted' });
    await vi.waitFor(async () => expect(await queue.find(accepted.operationId)).toBeUndefined());
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
    expect(invalidated).toEqual([1]);
  });

  it('runs no more jobs at a time than its pool has places, and takes no more than its limit', async () => {
    const { store, queue } = setUp();
    let running = 0;
    let most = 0;
    store.beforeCommit = async () => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => void setTimeout(resolve, 5));
      running -= 1;
    };
    for (let id = 1; id <= 5; id += 1) await queue.accept(job(id));
    await expect(queue.accept(job(6))).rejects.toMatchObject({ code: 'queue-full' });
    await vi.waitFor(() => expect(store.created.size).toBe(5));
    expect(most).toBe(2);
  });

  it('knows a key, refuses it for another target, and a second job for a target', async () => {
    const { queue } = setUp();
    const idempotencyKey = { scope: 'hall:token', key: 'k' };
    const first = job(1, { idempotencyKey });
    await queue.accept(first);
    const { operationId } = first;
    expect(await queue.accept(job(1, { idempotencyKey }))).toEqual({ result: 'known', operationId });
    expect(await queue.accept(job(2, { idempotencyKey }))).toEqual({ result: 'key-reused', operationId });
    expect(await queue.accept(job(1))).toEqual({ result: 'under-way', operationId });
  });

  it('tries again after an outage, and shows, records and logs what it gives up', async () => {
    const { store, queue, events, clock } = setUp();
    store.answers.push(outage, outage);
    await queue.accept(job(1));
    await vi.waitFor(() => expect(store.created.size).toBe(1));
    expect(clock.waits).toEqual([100, 200]);
    const unknown = job(900_001);
    await queue.accept(unknown);
    await vi.waitFor(async () => expect(await queue.find(unknown.operationId)).toMatchObject({ state: 'failed' }));
    expect(store.failures(unknown.operationId)).toBe(1);
    expect(events).toEqual(['seat-creation-given-up']);
  });

  it('waits out an outage however long, and counts no attempt', async () => {
    const { store, queue, clock } = setUp();
    const accepted = job(1);
    store.answers.push(...Array.from({ length: 30 }, () => outage));
    await queue.accept(accepted);
    await vi.waitFor(() => expect(store.created.size).toBe(1));
    expect(clock.waits).toHaveLength(30);
    expect(store.failures(accepted.operationId)).toBe(0);
  });

  it('works on within the grace when it is stopped, and accepts nothing more', async () => {
    const { store, queue, clock, events } = setUp(1);
    clock.onSleep = () => new Promise((resolve) => void setTimeout(resolve, 200));
    store.beforeCommit = () => new Promise((resolve) => void setTimeout(resolve, 5));
    for (const id of [1, 2, 3]) await queue.accept(job(id));
    const stopped = queue.stop(10_000);
    await expect(queue.accept(job(4))).rejects.toMatchObject({ code: 'queue-full' });
    await stopped;
    expect(store.created.size).toBe(3);
    expect(events).toEqual([]);
  });

  it('loses what is left when the grace is over, and says how much', async () => {
    const { store, queue, events } = setUp(1);
    const begun = Promise.withResolvers<void>();
    store.beforeCommit = () => {
      begun.resolve();
      return new Promise(() => undefined);
    };
    for (const id of [1, 2, 3]) await queue.accept(job(id));
    await begun.promise;
    await queue.stop(1_000);
    expect(events).toEqual(['seat-creation-lost']);
    expect(store.created.size).toBe(0);
  });
});
