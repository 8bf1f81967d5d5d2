import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { CreateSeatsOutcome } from '../../src/seat-creation/seat-creation-store.ts';
import { deadLettersKey, groupName, streamKey } from '../../src/seat-creation/stream-keys.ts';
import { createMemoryStore, type MemoryStore, outage } from './memory-store.ts';
import {
  type ConsumerUnderTest,
  deliver,
  job,
  lengths,
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

const failedOnce = (kind: 'permanent' | 'unclear', reason: 'constraint' | 'contention'): CreateSeatsOutcome => ({
  outcome: 'failed',
  failure: { kind, reason, message: 'the batch failed' },
  cause: new Error('no'),
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

  it('C17, C18: and can not be a dead letter now is not given to the database again', async () => {
    const store = createMemoryStore();
    await publish(1);
    const [delivery] = await deliver(await queue.createConsumer(store));
    const { entryId = '' } = delivery ?? {};
    const claim = [streamKey, groupName, 'worker-1', 0, entryId, 'RETRYCOUNT', 5, 'JUSTID'];
    await queue.admin.call('XCLAIM', ...claim);
    await queue.admin.set(deadLettersKey, 'not a stream');
    const other = await takeOver(store);
    await queue.admin.del(deadLettersKey);
    other.clock.advance(60_000);
    await other.processor.processDue();
    expect(store.transactions).toEqual([]);
    expect(await queue.letters.list({ limit: 10 })).toMatchObject([{ reason: 'deliveries-exhausted' }]);
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
