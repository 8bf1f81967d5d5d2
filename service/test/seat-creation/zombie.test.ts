import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type ConsumerSteps, isJobDelivery, type JobDelivery } from '../../src/seat-creation/consumer-steps.ts';
import { withBareHeartbeat } from '../controls/bare-heartbeat.ts';
import { withEarlyAcknowledgement } from '../controls/early-acknowledgement.ts';
import { withTransactionalDeadLetter } from '../controls/transactional-dead-letter.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';
import { type ConsumerUnderTest, job, leftOver, lengths, type QueueUnderTest, startQueue } from './queue-under-test.ts';

let queue: QueueUnderTest;
beforeAll(async () => {
  queue = await startQueue();
});
beforeEach(() => queue.empty());
afterAll(() => queue.stop());

interface Haunting {
  readonly store: MemoryStore;
  readonly zombie: ConsumerUnderTest;
  readonly other: ConsumerUnderTest;
  readonly delivery: JobDelivery;
}

const failure = { reason: 'constraint', message: 'a constraint' } as const;
const facts = { failure, failedAt: '2026-11-23T10:00:00.000Z', failedAttempts: 1 };

/** A consumer was stopped with a job in hand for longer than min-idle, and another one has claimed the job. */
async function haunt(decorate?: (steps: ConsumerSteps) => ConsumerSteps): Promise<Haunting> {
  const store = createMemoryStore();
  await queue.publisher.accept(job(1));
  const zombie = await queue.createConsumer(store, decorate);
  await zombie.consumer.recover();
  const [delivery] = await zombie.steps.readNew({ count: 100, blockMs: 10 });
  if (!delivery || !isJobDelivery(delivery)) throw new Error('nothing was delivered');
  zombie.processor.hold([delivery.entryId]);
  await queue.age(delivery.entryId);
  const other = await queue.createConsumer(store);
  await other.consumer.recover();
  await other.steps.claimIdle({ cursor: '0-0', count: 100 });
  return { store, zombie, other, delivery };
}

describe('a zombie', () => {
  it('Z1: does not steal back by its heartbeat, and begins nothing that it has lost', async () => {
    const { store, zombie, other, delivery } = await haunt();
    expect(await zombie.consumer.heartbeat()).toBe(true);
    expect(await queue.pending()).toMatchObject([{ consumer: other.name }]);
    await expect(zombie.processor.processDue()).resolves.toBeUndefined();
    expect(zombie.processor.held()).toEqual([]);
    await other.steps.redeliver(delivery.entryId);
    await other.processor.process([delivery]);
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
  });

  it('Z1, control: steals back with the bare heartbeat', async () => {
    const client = await queue.connect('acknowledge');
    const { zombie, other } = await haunt((steps) => withBareHeartbeat(steps, client, 'worker-1'));
    expect(await queue.pending()).toMatchObject([{ consumer: other.name }]);
    await zombie.consumer.heartbeat();
    expect(await queue.pending()).toMatchObject([{ consumer: 'worker-1' }]);
  });

  it('Z2: that commits after the other finds it done, and acknowledges nothing', async () => {
    const { store, zombie, other, delivery } = await haunt();
    await other.processor.process([delivery]);
    await zombie.processor.process([delivery]);
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
    expect(await zombie.metric('deliveries_total', { outcome: 'already_done' })).toBe(1);
    expect(await leftOver(queue.admin)).toEqual([]);
  });

  it('Z3: that commits before the other settles for both', async () => {
    const { store, zombie, other, delivery } = await haunt();
    await zombie.processor.process([delivery]);
    expect(await queue.pending()).toEqual([]);
    await other.processor.process([delivery]);
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 0 });
  });

  it('Z4: writes no dead letter for what the other has acknowledged', async () => {
    const { zombie, other, delivery } = await haunt();
    await other.processor.process([delivery]);
    expect(await zombie.steps.deadLetter(delivery, facts)).toBe('not-mine');
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 0 });
  });

  it('Z4, control: writes one in MULTI, and a second one when both give up', async () => {
    const client = await queue.connect('acknowledge');
    const { zombie, other, delivery } = await haunt((steps) => withTransactionalDeadLetter(steps, client));
    await other.steps.deadLetter(delivery, facts);
    await zombie.steps.deadLetter(delivery, facts);
    expect((await lengths(queue.admin)).dead).toBe(2);
  });

  it('Z5: writes no dead letter for what the other works on', async () => {
    const { zombie, other, delivery } = await haunt();
    expect(await zombie.steps.deadLetter(delivery, facts)).toBe('not-mine');
    expect(await queue.pending()).toMatchObject([{ consumer: other.name }]);
    expect(await other.steps.deadLetter(delivery, facts)).toBe('moved');
    expect(await zombie.steps.deadLetter(delivery, facts)).toBe('not-mine');
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 1 });
  });

  it('Z6: that commits after the other gave up withdraws the dead letter: done is done', async () => {
    const { store, zombie, other, delivery } = await haunt();
    await other.steps.deadLetter(delivery, facts);
    await zombie.processor.process([delivery]);
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
    expect(await queue.admin.xlen('seat-creation:dead')).toBe(0);
    expect(await queue.admin.keys('seat-creation:operation:*')).toEqual([]);
  });

  it('Z6: leaves alone what has been replayed meanwhile, which finds it done', async () => {
    const { store, zombie, other, delivery } = await haunt();
    await other.steps.deadLetter(delivery, facts);
    const [letter] = await queue.letters.list({ limit: 1 });
    await queue.letters.replay(letter?.id ?? '');
    await zombie.processor.process([delivery]);
    expect((await lengths(queue.admin)).stream).toBe(1);
    await other.consumer.readOnce();
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 0 });
    expect(await queue.admin.keys('seat-creation:target:*')).toEqual([]);
  });

  it('Z7: whose name has a new owner keeps nothing alive, writes no letter, hands nothing back, and leaves', async () => {
    const store = createMemoryStore();
    await queue.publisher.accept(job(1));
    const zombie = await queue.createConsumer(store);
    await zombie.consumer.recover();
    const [delivery] = await zombie.steps.readNew({ count: 100, blockMs: 10 });
    await queue.admin.del('seat-creation:slot:1');
    const heir = await queue.createConsumer(store);
    expect(heir.name).toBe(zombie.name);
    zombie.processor.hold([delivery?.entryId ?? '']);
    expect(await zombie.consumer.heartbeat()).toBe(false);
    expect(delivery && (await zombie.steps.deadLetter(delivery, facts))).toBe('not-mine');
    expect(await zombie.steps.handBack([delivery?.entryId ?? ''])).toBe(0);
    expect(await zombie.metric('slots_lost_total')).toBe(1);
    await heir.consumer.recover();
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
  });

  it('Z8: hands back nothing that is somebody else’s', async () => {
    const { zombie, other, delivery } = await haunt();
    expect(await zombie.steps.handBack([delivery.entryId])).toBe(0);
    expect(await queue.pending()).toMatchObject([{ consumer: other.name }]);
  });
});

it('control: acknowledging before the commit loses the job of a consumer that dies in between', async () => {
  const store = createMemoryStore();
  await queue.publisher.accept(job(1));
  const early = await queue.createConsumer(store, withEarlyAcknowledgement);
  await early.consumer.recover();
  await early.steps.readNew({ count: 100, blockMs: 10 });
  const next = await queue.createConsumer(store);
  await next.consumer.recover();
  await next.consumer.takeOver();
  await next.consumer.readOnce();
  expect(store.created.size).toBe(0);
  expect(await leftOver(queue.admin)).toEqual([]);
});
