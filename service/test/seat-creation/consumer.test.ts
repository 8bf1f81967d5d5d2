import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { isJobDelivery, type JobDelivery } from '../../src/seat-creation/consumer-steps.ts';
import type { CreateSeatsOutcome } from '../../src/seat-creation/seat-creation-store.ts';
import { deadLettersKey, groupName, streamKey } from '../../src/seat-creation/stream-keys.ts';
import { createMemoryStore, outage } from './memory-store.ts';
import {
  type ConsumerUnderTest,
  job,
  leftOver,
  lengths,
  minIdleMs,
  type QueueUnderTest,
  startQueue,
} from './queue-under-test.ts';

let queue: QueueUnderTest;
beforeAll(async () => {
  queue = await startQueue();
});
beforeEach(() => queue.empty());
afterAll(() => queue.stop());

const settledQueue = { stream: 0, dead: 0 };

async function publish(...ids: readonly number[]) {
  for (const id of ids) await queue.publisher.accept(job(id));
}

/** A consumer that was given everything that is there, and whose process could die now. */
async function deliver(consumer: ConsumerUnderTest): Promise<readonly JobDelivery[]> {
  await consumer.consumer.recover();
  const deliveries = await consumer.steps.readNew({ count: 100, blockMs: 10 });
  return deliveries.filter(isJobDelivery);
}

async function takeOver(store: ReturnType<typeof createMemoryStore>): Promise<ConsumerUnderTest> {
  for (const { entryId } of await queue.pending()) await queue.age(entryId);
  const other = await queue.createConsumer(store);
  await other.consumer.recover();
  await other.consumer.takeOver();
  return other;
}

const failedOnce = (kind: 'permanent' | 'unclear', reason: 'constraint' | 'contention'): CreateSeatsOutcome => ({
  outcome: 'failed',
  failure: { kind, reason, message: 'the batch failed' },
  cause: new Error('no'),
});

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

describe('a job that fails', () => {
  it('C11: by an outage is held without an attempt counted, for waits between 0 and a growing end', async () => {
    const store = createMemoryStore();
    await publish(1, 2);
    const consumer = await queue.createConsumer(store);
    store.answers.push(...Array.from({ length: 20 }, () => outage));
    await consumer.processor.process(await deliver(consumer));
    expect(store.created.size).toBe(2);
    expect(consumer.clock.waits.slice(0, 7)).toEqual([100, 200, 400, 800, 1_600, 2_500, 2_500]);
    expect(await consumer.metric('retries_total')).toBe(0);
    expect(await consumer.metric('dead_letters_total')).toBe(0);
    expect((await queue.pending()).length).toBe(0);
  });

  it('C12: for good is a dead letter at once, and the others of its batch are stored', async () => {
    const store = createMemoryStore();
    await publish(1, 900_001, 2);
    const consumer = await queue.createConsumer(store);
    await consumer.processor.process(await deliver(consumer));
    expect([...store.created.keys()]).toEqual(['hall:1', 'hall:2']);
    expect(await queue.letters.list({ limit: 10 })).toMatchObject([{ reason: 'hall-not-found', failedAttempts: 1 }]);
    expect(await consumer.metric('dead_letters_total', { reason: 'hall-not-found' })).toBe(1);
  });

  it('C12: makes its batch go one by one, and only itself a dead letter', async () => {
    const store = createMemoryStore();
    await publish(1, 2, 3);
    const consumer = await queue.createConsumer(store);
    store.answers.push(failedOnce('permanent', 'constraint'), failedOnce('permanent', 'constraint'));
    await consumer.processor.process(await deliver(consumer));
    expect(store.transactions).toEqual([[1, 2, 3], [1], [2], [3]]);
    expect(await queue.letters.list({ limit: 10 })).toMatchObject([{ reason: 'constraint' }]);
    expect([...store.created.keys()]).toEqual(['hall:2', 'hall:3']);
  });

  it('C13: unclearly gets eight attempts with full jitter, and then is a dead letter', async () => {
    const store = createMemoryStore();
    await publish(1);
    const consumer = await queue.createConsumer(store);
    store.answers.push(...Array.from({ length: 8 }, () => failedOnce('unclear', 'contention')));
    const [delivery] = await deliver(consumer);
    await consumer.processor.process(delivery ? [delivery] : []);
    const waits: number[] = [];
    for (let waitMs = consumer.processor.untilNextAttemptMs(); waitMs !== undefined;) {
      waits.push(waitMs);
      consumer.clock.advance(waitMs - 1);
      await consumer.processor.processDue();
      expect(store.transactions).toHaveLength(waits.length);
      consumer.clock.advance(1);
      await consumer.processor.processDue();
      waitMs = consumer.processor.untilNextAttemptMs();
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000]);
    expect(await queue.letters.list({ limit: 10 })).toMatchObject([{ reason: 'contention', failedAttempts: 8 }]);
    expect((await lengths(queue.admin)).stream).toBe(0);
  });

  it('C14: and was recorded before its consumer died, is a dead letter of the next one', async () => {
    const store = createMemoryStore();
    await publish(900_001);
    const [delivery] = await deliver(await queue.createConsumer(store));
    const failure = { kind: 'permanent', reason: 'hall-not-found', message: 'no hall' } as const;
    if (delivery)
      await store.recordFailure(delivery.content, failure, { failedAt: '2026-11-23T10:00:00Z', isFinal: true });
    await takeOver(store);
    expect(await queue.letters.list({ limit: 10 })).toMatchObject([{ reason: 'hall-not-found', failedAttempts: 2 }]);
  });

  it('C15: is written once, however often its consumer asks', async () => {
    const store = createMemoryStore();
    await publish(900_001);
    const consumer = await queue.createConsumer(store);
    const [delivery] = await deliver(consumer);
    const failure = { reason: 'hall-not-found', message: 'no hall' } as const;
    const ask = () =>
      delivery && consumer.steps.deadLetter(delivery, { failure, failedAt: '2026-11-23T10:00:00Z', failedAttempts: 1 });
    expect([await ask(), await ask()]).toEqual(['moved', 'not-mine']);
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 1 });
  });

  it('C18: and can not be a dead letter now, stays pending, does not hold up the others, and comes again', async () => {
    const store = createMemoryStore();
    await queue.admin.set(deadLettersKey, 'not a stream');
    await publish(900_001, 1);
    const consumer = await queue.createConsumer(store);
    await consumer.processor.process(await deliver(consumer));
    expect([...store.created.keys()]).toEqual(['hall:1']);
    expect(await queue.pending()).toHaveLength(1);
    expect(consumer.events).toContain('seat-creation-dead-letter-failed');
    await queue.admin.del(deadLettersKey);
    consumer.clock.advance(60_000);
    await consumer.processor.processDue();
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 1 });
  });
});

describe('an entry', () => {
  it.each([
    ['without a job', ['noise', 'x'.repeat(100)]],
    ['with bytes that are no text', ['job', Buffer.from([0xff, 0xfe, 0x00])]],
    ['of another schema', ['job', '{"operationId":1}']],
    ['with more fields than Lua can unpack', Array.from({ length: 20_000 }, (_, index) => `f${index}`)],
  ])('C16: %s is a dead letter that keeps it, and the loop goes on', async (_, fields) => {
    const store = createMemoryStore();
    await queue.admin.call('XADD', streamKey, '*', ...fields);
    await publish(1);
    const { consumer } = await queue.createConsumer(store);
    await consumer.recover();
    await consumer.readOnce();
    expect([...store.created.keys()]).toEqual(['hall:1']);
    expect(await queue.letters.list({ limit: 10 })).toMatchObject([{ reason: 'unreadable' }]);
    const [letter] = await queue.admin.xrangeBuffer(deadLettersKey, '-', '+');
    const kept = letter?.[1].at(-1) ?? Buffer.alloc(0);
    expect(kept.includes(Buffer.from(fields.at(-1) ?? ''))).toBe(true);
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 1 });
  });

  it('C17: that kills its consumers is a dead letter after five deliveries, and takes no other with it', async () => {
    const store = createMemoryStore();
    await publish(1, 2, 666, 3);
    await deliver(await queue.createConsumer(store));
    const kills = async (jobs: readonly { readonly target: { readonly id: number } }[]): Promise<void> => {
      if (jobs.some(({ target }) => target.id === 666)) throw new Error('the process is gone');
    };
    store.beforeCommit = kills;
    const deaths: string[] = [];
    for (let death = 0; death < 6; death += 1)
      await takeOver(store).catch((error: Error) => deaths.push(error.message));
    expect(deaths).toHaveLength(4);
    expect([...store.created.keys()].toSorted()).toEqual(['hall:1', 'hall:2', 'hall:3']);
    expect(await queue.letters.list({ limit: 10 })).toMatchObject([{ reason: 'deliveries-exhausted', deliveries: 5 }]);
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 1 });
  });

  it('C19: of one operation twice creates once, and both are acknowledged', async () => {
    const store = createMemoryStore();
    await publish(1);
    const [[, fields] = ['', []]] = await queue.admin.xrange(streamKey, '-', '+');
    await queue.admin.call('XADD', streamKey, '*', ...fields);
    const consumer = await queue.createConsumer(store);
    await consumer.processor.process(await deliver(consumer));
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
    expect(await lengths(queue.admin)).toEqual(settledQueue);
  });

  it('C20: for a target that another operation has seated is a dead letter that says so', async () => {
    const store = createMemoryStore();
    await store.createSeats([job(1)]);
    await publish(1);
    const consumer = await queue.createConsumer(store);
    await consumer.processor.process(await deliver(consumer));
    expect(await queue.letters.list({ limit: 10 })).toMatchObject([{ reason: 'seats-exist' }]);
    expect(store.created.get('hall:1')).toBe(1);
  });

  it('C21: that is handed back is anybody’s at once, and was not delivered', async () => {
    const store = createMemoryStore();
    await publish(1);
    const leaving = await queue.createConsumer(store);
    const [delivery] = await deliver(leaving);
    expect(await leaving.steps.handBack([delivery?.entryId ?? ''])).toBe(1);
    expect(await queue.pending()).toMatchObject([{ deliveries: 0 }]);
    const other = await queue.createConsumer(store);
    await other.consumer.takeOver();
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
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
