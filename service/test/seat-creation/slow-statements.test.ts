import { CompiledQuery } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Database } from '../../src/database/database.ts';
import { createSeatCreationStore } from '../../src/database/seat-creation-store.ts';
import { DomainError } from '../../src/domain-error.ts';
import type { SeatCreationStore } from '../../src/seat-creation/seat-creation-store.ts';
import { openStore, smallPlan, type StoreUnderTest } from '../seat-creation-store/store-under-test.ts';
import {
  type ConsumerUnderTest,
  deliver,
  lengths,
  publishJobs,
  type QueueUnderTest,
  startQueue,
} from './queue-under-test.ts';

const statementTimeoutMs = 300;

let queue: QueueUnderTest;
let under: StoreUnderTest;
let slow: number;
let good: number;
beforeAll(async () => {
  queue = await startQueue();
});
beforeEach(async () => {
  await queue.empty();
  under = await openStore('postgres', { connections: 3 });
  slow = (await under.createHall(smallPlan)).id;
  good = (await under.createHall(smallPlan)).id;
  return () => under.remove();
});
afterAll(() => queue.stop());

/** PostgreSQL's store, whose transactions may take 300 ms a statement and not two minutes. */
function impatientStore({ database }: StoreUnderTest): SeatCreationStore {
  const impatient: Database = {
    ...database,
    transaction: (name, work) => database.transaction(name, work, { statementTimeoutMs }),
  };
  return createSeatCreationStore(impatient);
}

/** Each row of the slow hall's seats takes longer than that. */
async function slowDown(): Promise<void> {
  await under.write(`create function dawdle() returns trigger language plpgsql as
    $$ begin perform pg_sleep(10); return new; end $$`);
  await under.write(`create trigger dawdle before insert on seats for each row
    when (new.hall_id = ${slow}) execute function dawdle()`);
}

async function processAll({ processor, clock }: ConsumerUnderTest): Promise<void> {
  for (let waitMs = processor.untilNextAttemptMs(); waitMs !== undefined; waitMs = processor.untilNextAttemptMs()) {
    clock.advance(waitMs);
    await processor.processDue();
  }
}

const seatsOf = async (hallId: number): Promise<number> =>
  (await under.query(`select 1 from seats where hall_id = ${hallId}`)).length;

describe('on PostgreSQL', () => {
  it('C13: a job whose statement is never done in time is a dead letter after eight attempts, alone', async () => {
    await slowDown();
    await publishJobs(queue, [slow, good]);
    const consumer = await queue.createConsumer(impatientStore(under));
    await consumer.processor.process(await deliver(consumer));
    expect([await seatsOf(slow), await seatsOf(good)]).toEqual([0, 12]);
    await processAll(consumer);
    expect(await queue.letters.list({ limit: 10 })).toMatchObject([
      { reason: 'overloaded', failedAttempts: 8, job: { target: { id: slow } } },
    ]);
    expect(consumer.clock.waits).toEqual([]);
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 1 });
  });

  it('C11: a lock that is held for longer than a statement may take burns no attempt, and is waited out', async () => {
    await publishJobs(queue, [slow, good]);
    const consumer = await queue.createConsumer(impatientStore(under));
    const deliveries = await deliver(consumer);
    const processing = await under.database.transaction('create-venue', async (other) => {
      await other.execute('ping', CompiledQuery.raw('lock table seats in access exclusive mode'));
      const work = consumer.processor.process(deliveries);
      await expect.poll(() => consumer.clock.waits.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(3);
      return { work };
    });
    await processing.work;
    expect([await seatsOf(slow), await seatsOf(good)]).toEqual([12, 12]);
    expect(await under.query('select 1 from seat_creation_failures')).toEqual([]);
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 0 });
  });

  it('C11: an attempt that was too slow and can not be written down, for the database is gone, does not count', async () => {
    await slowDown();
    await publishJobs(queue, [slow]);
    const store = impatientStore(under);
    let outages = 2;
    const consumer = await queue.createConsumer({
      createSeats: (jobs) => store.createSeats(jobs),
      recordFailure: async (...record) => {
        outages -= 1;
        if (outages >= 0) throw new DomainError('database-unavailable', 'gone');
        return store.recordFailure(...record);
      },
    });
    await consumer.processor.process(await deliver(consumer));
    await processAll(consumer);
    expect(outages).toBe(-8);
    expect(await queue.letters.list({ limit: 10 })).toMatchObject([{ reason: 'overloaded', failedAttempts: 8 }]);
    expect(await consumer.metric('retries_total')).toBe(7);
  });
});
