import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { groupName, streamKey } from '../../src/seat-creation/stream-keys.ts';
import { createMemoryStore, type MemoryStore, outage } from './memory-store.ts';
import {
  type ConsumerUnderTest,
  deliver,
  leftOver,
  lengths,
  minIdleMs,
  publishJobs,
  type QueueUnderTest,
  startQueue,
  takeOverAll,
} from './queue-under-test.ts';

let queue: QueueUnderTest;
beforeAll(async () => {
  queue = await startQueue();
});
beforeEach(() => queue.empty());
afterAll(() => queue.stop());

const settledQueue = { stream: 0, dead: 0 };
const publish = (...ids: readonly number[]): Promise<void> => publishJobs(queue, ids);
const takeOver = (store: MemoryStore): Promise<ConsumerUnderTest> => takeOverAll(queue, store);

describe('a consumer that dies', () => {
  it('C1: after the delivery leaves its entries to whoever claims them when they were idle for long enough', async () => {
    const store = createMemoryStore();
    await publish(1, 2);
    await deliver(await queue.createConsumer(store));
    const early = await queue.createConsumer(store);
    await early.consumer.takeOver();
    expect(store.created.size).toBe(0);
    const other = await takeOver(store);
    expect(store.created).toEqual(
      new Map([
        ['hall:1', 1],
        ['hall:2', 1],
      ]),
    );
    expect(await other.metric('claims_total')).toBe(2);
    expect(await leftOver(queue.admin)).toEqual([]);
    expect(await lengths(queue.admin)).toEqual(settledQueue);
  });

  it('C1: finds its own entries at once when it comes back under its name', async () => {
    const store = createMemoryStore();
    await publish(1);
    const consumer = await queue.createConsumer(store);
    await deliver(consumer);
    await consumer.consumer.recover();
    expect(store.created.size).toBe(1);
    expect(await consumer.metric('claims_total')).toBe(0);
  });

  it('C2: in the transaction has written nothing, and the next one creates', async () => {
    const store = createMemoryStore();
    await publish(1);
    const deliveries = await deliver(await queue.createConsumer(store));
    store.answers.push(outage);
    await store.createSeats(deliveries.map(({ content }) => content));
    await takeOver(store);
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
  });

  it('C3, C4: after the commit is done, and the next one invalidates and acknowledges', async () => {
    const store = createMemoryStore();
    await publish(1);
    const deliveries = await deliver(await queue.createConsumer(store));
    await store.createSeats(deliveries.map(({ content }) => content));
    const other = await takeOver(store);
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
    expect(other.invalidated).toEqual([1]);
    expect(await other.metric('deliveries_total', { outcome: 'already_done' })).toBe(1);
    expect(await leftOver(queue.admin)).toEqual([]);
  });

  it('C5: after the acknowledgement leaves nothing, and acknowledging again finds nothing', async () => {
    const store = createMemoryStore();
    await publish(1);
    const consumer = await queue.createConsumer(store);
    const deliveries = await deliver(consumer);
    await consumer.processor.process(deliveries);
    expect(await consumer.steps.acknowledge(deliveries)).toBe(0);
    expect(await lengths(queue.admin)).toEqual(settledQueue);
  });

  it('C6: or loses the answer to its commit, and asks again', async () => {
    const store = createMemoryStore();
    await publish(1);
    const consumer = await queue.createConsumer(store);
    store.answers.push(async (jobs) => {
      await store.createSeats(jobs);
      return outage;
    });
    await consumer.processor.process(await deliver(consumer));
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
    expect(await lengths(queue.admin)).toEqual(settledQueue);
  });
});

describe('a queue that is broken from outside', () => {
  it('C7: loses a deleted entry from the pending list, and counts it', async () => {
    const store = createMemoryStore();
    await publish(1, 2, 3);
    const dead = await queue.createConsumer(store);
    const deliveries = await deliver(dead);
    for (const { entryId } of deliveries) await queue.age(entryId);
    await queue.admin.xdel(streamKey, deliveries[0]?.entryId ?? '');
    const other = await queue.createConsumer(store);
    await other.consumer.takeOver();
    expect(await other.metric('vanished_entries_total')).toBe(1);
    await publish(4, 5);
    const [fourth] = await deliver(other);
    await queue.admin.xdel(streamKey, fourth?.entryId ?? '');
    await other.consumer.recover();
    expect(await other.metric('vanished_entries_total')).toBe(2);
    expect(await queue.pending()).toEqual([]);
    expect([...store.created.keys()]).toEqual(['hall:2', 'hall:3', 'hall:5']);
  });

  it.each([
    ['the group is destroyed', () => queue.admin.call('XGROUP', 'DESTROY', streamKey, groupName)],
    ['the stream is deleted', () => queue.admin.del(streamKey)],
    ['everything is flushed', () => queue.admin.flushall()],
  ])('C8, C9: comes back by itself when %s while a read blocks', async (_, breakIt) => {
    const store = createMemoryStore();
    const { consumer, stopping, events, clock, steps } = await queue.createConsumer(store);
    clock.onSleep = (ms) => new Promise((resolve) => void setTimeout(resolve, Math.min(ms, 5)));
    const running = consumer.run();
    await expect.poll(() => queue.admin.xinfo('GROUPS', streamKey).catch(() => [])).toHaveLength(1);
    await breakIt();
    await publish(1);
    await expect.poll(() => store.created.get('hall:1'), { timeout: 5_000 }).toBe(1);
    stopping.abort();
    await steps.endReading();
    expect(await running).toBe('stopped');
    expect(events).toContain('seat-creation-group-gone');
  });

  it('C10: settles what was committed while its group was gone, and delivers nothing of it again', async () => {
    const store = createMemoryStore();
    await publish(1);
    const consumer = await queue.createConsumer(store);
    const deliveries = await deliver(consumer);
    await queue.admin.call('XGROUP', 'DESTROY', streamKey, groupName);
    await consumer.processor.process(deliveries);
    expect(await leftOver(queue.admin)).toEqual([]);
    expect(await deliver(consumer)).toEqual([]);
  });
});

it('C22: a read that is never answered costs its connection, and what it was given is found pending', async () => {
  const store = createMemoryStore();
  const reader = await queue.connect('read', 300);
  const consumer = await queue.createConsumer(store);
  await consumer.consumer.recover();
  const read = reader.callBuffer('XREADGROUP', [
    'GROUP',
    groupName,
    consumer.name,
    'COUNT',
    10,
    'BLOCK',
    60_000,
    'STREAMS',
    streamKey,
    '>',
  ]);
  await expect(read).rejects.toThrow('max retries per request');
  await expect.poll(() => reader.status).toBe('ready');
  await publish(1);
  await reader.callBuffer('XREADGROUP', ['GROUP', groupName, consumer.name, 'COUNT', 10, 'STREAMS', streamKey, '>']);
  await consumer.consumer.recover();
  expect(store.created).toEqual(new Map([['hall:1', 1]]));
});

it('keeps a name that somebody is in or that has something pending, and deletes those that are long idle', async () => {
  const store = createMemoryStore();
  const kept = await queue.createConsumer(store);
  await publish(1);
  await deliver(kept);
  await queue.admin.del('seat-creation:slot:1');
  for (let slot = 10; slot < 60; slot += 1) {
    await queue.admin.call('XGROUP', 'CREATECONSUMER', streamKey, groupName, `worker-${slot}`);
  }
  await queue.admin.set('seat-creation:slot:10', 'alive');
  expect(await kept.steps.deleteIdleConsumers(minIdleMs)).toBe(0);
  expect(await kept.steps.deleteIdleConsumers(0)).toBe(49);
  expect(await queue.pending()).toHaveLength(1);
});
