import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createDeadLetters } from '../../src/seat-creation/dead-letters.ts';
import { findSeatCreation } from '../../src/seat-creation/find-seat-creation.ts';
import type { SeatCreationJob } from '../../src/seat-creation/job.ts';
import { replayDeadLetter } from '../../src/seat-creation/replay-dead-letter.ts';
import { deadLettersKey, streamKey } from '../../src/seat-creation/stream-keys.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';
import { type ConsumerUnderTest, job, lengths, type QueueUnderTest, startQueue } from './queue-under-test.ts';

let queue: QueueUnderTest;
let store: MemoryStore;
let consumer: ConsumerUnderTest;
beforeAll(async () => {
  queue = await startQueue();
});
beforeEach(async () => {
  await queue.empty();
  store = createMemoryStore();
  consumer = await queue.createConsumer(store);
});
afterAll(() => queue.stop());

const refusal = (work: Promise<unknown>): Promise<unknown> => work.then(() => 'replayed', String);

/** A job that failed for good; the id of its letter. */
async function bury(dead: SeatCreationJob): Promise<string> {
  await queue.publisher.accept(dead);
  store.answers.push({
    outcome: 'failed',
    failure: { kind: 'permanent', reason: 'constraint', message: 'a constraint' },
    cause: undefined,
  });
  await consumer.consumer.recover();
  await consumer.consumer.readOnce();
  const letters = await queue.letters.list({ limit: 100 });
  const letter = letters.find(({ job }) => job?.operationId === dead.operationId);
  if (!letter) throw new Error('there is no letter');
  return letter.id;
}

describe('a replay', () => {
  it('L1: publishes the job again under its operation, with its history and its attempts anew', async () => {
    const dead = job(1);
    const id = await bury(dead);
    const ports = { store, queue: queue.publisher };
    expect(await findSeatCreation(ports, dead.operationId)).toMatchObject({
      state: 'failed',
      attempts: 1,
      deadLetterId: id,
      failure: { reason: 'constraint' },
    });
    expect(await replayDeadLetter(queue.letters, id)).toBe(dead.operationId);
    expect(await findSeatCreation(ports, dead.operationId)).toMatchObject({ state: 'accepted' });
    expect(await lengths(queue.admin)).toEqual({ stream: 1, dead: 0 });
    store.answers.push({
      outcome: 'failed',
      failure: { kind: 'permanent', reason: 'count-differs', message: 'again' },
      cause: undefined,
    });
    await consumer.consumer.readOnce();
    expect(await queue.letters.list({ limit: 1 })).toMatchObject([
      { reason: 'count-differs', failedAttempts: 1, history: [{ reason: 'constraint' }], job: { replays: 1 } },
    ]);
  });

  it('L2, L3: happens once, whether asked twice or by two at the same time', async () => {
    const dead = job(1);
    const id = await bury(dead);
    const answers = await Promise.all([replayDeadLetter(queue.letters, id), replayDeadLetter(queue.letters, id)]);
    expect([...answers, await replayDeadLetter(queue.letters, id)]).toEqual(Array(3).fill(dead.operationId));
    expect(await queue.admin.xlen(streamKey)).toBe(1);
    await consumer.consumer.readOnce();
    expect(await replayDeadLetter(queue.letters, id)).toBe(dead.operationId);
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 0 });
  });

  it('L4: of what was done after all creates nothing', async () => {
    const dead = job(1);
    const id = await bury(dead);
    await store.createSeats([dead]);
    await replayDeadLetter(queue.letters, id);
    await consumer.consumer.readOnce();
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 0 });
  });

  it('L5: leaves the letter while another job for its target is under way', async () => {
    const id = await bury(job(1));
    const other = job(1);
    expect(await queue.publisher.accept(other)).toMatchObject({ result: 'accepted' });
    expect(await refusal(replayDeadLetter(queue.letters, id))).toContain(`/seat-creations/${other.operationId}`);
    expect(await lengths(queue.admin)).toEqual({ stream: 1, dead: 1 });
  });

  it('L6: leaves a letter that is no job', async () => {
    await queue.admin.xadd(streamKey, '*', 'job', 'garbage');
    await consumer.consumer.recover();
    await consumer.consumer.readOnce();
    const [letter] = await queue.letters.list({ limit: 1 });
    expect(await refusal(replayDeadLetter(queue.letters, letter?.id ?? ''))).toContain('no job that this version');
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 1 });
  });

  it('L7: leaves the letter while the queue is full', async () => {
    const id = await bury(job(1));
    const full = createDeadLetters(queue.publisher, { backlogLimit: 1 });
    await queue.publisher.accept(job(2));
    expect(await refusal(replayDeadLetter(full, id))).toContain('takes 1 at most');
    await queue.admin.config('SET', 'maxmemory', '1');
    expect(await refusal(replayDeadLetter(queue.letters, id))).toContain('its memory is full');
    expect(await lengths(queue.admin)).toEqual({ stream: 1, dead: 1 });
  });

  it.each(['1-1', 'garbage', '-', '0-0'])('L8: of "%s", which is no letter, is refused', async (id) => {
    expect(await refusal(replayDeadLetter(queue.letters, id))).toContain('there is no dead letter');
  });
});

it('lists letters by pages, the oldest first', async () => {
  const ids = [await bury(job(1)), await bury(job(2)), await bury(job(3))];
  const first = await queue.letters.list({ limit: 2 });
  const rest = await queue.letters.list({ after: first.at(-1)?.id, limit: 2 });
  expect([...first, ...rest].map(({ id }) => id)).toEqual(ids);
  expect(await queue.admin.xlen(deadLettersKey)).toBe(3);
});
