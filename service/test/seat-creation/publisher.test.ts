import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { DomainError } from '../../src/domain-error.ts';
import { encodeJob } from '../../src/seat-creation/job.ts';
import { createOptionalAnswers } from '../../src/seat-creation/optional-answers.ts';
import { findSeatCreation } from '../../src/seat-creation/find-seat-creation.ts';
import { requestSeats, type RequestSeatsPorts } from '../../src/seat-creation/request-seats.ts';
import { operationKey, streamKey } from '../../src/seat-creation/stream-keys.ts';
import { createStreamPublisher } from '../../src/seat-creation/stream-publisher.ts';
import { recordEvents } from '../recorded-events.ts';
import { createMemoryStore } from './memory-store.ts';
import { job, leftOver, lengths, type QueueUnderTest, startQueue } from './queue-under-test.ts';

let queue: QueueUnderTest;
beforeAll(async () => {
  queue = await startQueue();
});
beforeEach(() => queue.empty());
afterAll(() => queue.stop());

const key = { scope: 'hall:token', key: 'first try' };
const request = (id: number, idempotencyKey?: typeof key) => ({
  target: { kind: 'hall' as const, id },
  idempotencyKey,
});

function portsWith(store = createMemoryStore()): RequestSeatsPorts {
  return {
    store,
    queue: queue.publisher,
    metrics: { published: () => undefined },
    fromDatabase: createOptionalAnswers({ timeoutMs: 50, retryAfterMs: 1_000, monotonicMs: () => performance.now() }),
    now: () => new Date(),
    newOperationId: randomUUID,
  };
}

const codeOf = (error: unknown): unknown => (error instanceof DomainError ? error.code : error);
const refusal = (work: Promise<unknown>): Promise<unknown> => work.then(() => 'accepted', codeOf);

describe('the publisher', () => {
  it('P1: writes entry, operation, target and key together, and the operation is there from then on', async () => {
    const ports = portsWith();
    const id = await requestSeats(ports, request(1, key));
    expect(await queue.admin.xlen(streamKey)).toBe(1);
    expect(await leftOver(queue.admin)).toEqual([operationKey(id), 'seat-creation:target:hall:1']);
    expect(await queue.admin.keys('seat-creation:key:*')).toHaveLength(1);
    const found = await findSeatCreation({ store: createMemoryStore(), queue: queue.publisher }, id);
    expect(found).toMatchObject({ id, state: 'accepted', attempts: 0 });
  });

  it('P2: answers the same operation for the same key, whatever has become of it', async () => {
    const store = createMemoryStore();
    const ports = portsWith(store);
    const id = await requestSeats(ports, request(1, key));
    expect(await requestSeats(ports, request(1, key))).toBe(id);
    const consumer = await queue.createConsumer(store);
    await consumer.consumer.recover();
    const deliveries = await consumer.steps.readNew({ count: 10, blockMs: 10 });
    expect(await requestSeats(ports, request(1, key))).toBe(id);
    await consumer.processor.process(deliveries);
    expect(await requestSeats(portsWith(), request(1, key))).toBe(id);
    expect(await lengths(queue.admin)).toEqual({ stream: 0, dead: 0 });
  });

  it('P3: refuses a key that was used for another target', async () => {
    const ports = portsWith();
    await requestSeats(ports, request(1, key));
    expect(await refusal(requestSeats(ports, request(2, key)))).toBe('idempotency-key-reused');
    expect(await queue.admin.xlen(streamKey)).toBe(1);
  });

  it('P4: knows a key that Redis has forgotten from the ledger', async () => {
    const store = createMemoryStore();
    const done = job(1, { idempotencyKey: key });
    await store.createSeats([done]);
    expect(await requestSeats(portsWith(store), request(1, key))).toBe(done.operationId);
    expect(await refusal(requestSeats(portsWith(store), request(2, key)))).toBe('idempotency-key-reused');
    expect(await queue.admin.xlen(streamKey)).toBe(0);
  });

  it('P5: refuses a second job for a target that has one under way, and names the first', async () => {
    const ports = portsWith();
    const first = await requestSeats(ports, request(1));
    const refused = await requestSeats(ports, request(1)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'seat-creation-under-way', facts: { operationId: first } });
    expect(await queue.admin.xlen(streamKey)).toBe(1);
  });

  it('P6: refuses a job for a target that has its seats', async () => {
    const store = createMemoryStore();
    const done = job(1);
    await store.createSeats([done]);
    const refused = await requestSeats(portsWith(store), request(1, key)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'seats-exist', facts: { operationId: done.operationId } });
  });

  it('P7: says at once that there is no such target', async () => {
    expect(await refusal(requestSeats(portsWith(), request(900_001)))).toBe('hall-not-found');
  });

  it('P8: accepts without the database when it is frozen, waits for it once, and asks it again later', async () => {
    let asked = 0;
    const store = createMemoryStore();
    store.findTarget = () => {
      asked += 1;
      return new Promise(() => undefined);
    };
    const ports = portsWith(store);
    await requestSeats(ports, request(900_001));
    for (let id = 1; id <= 20; id += 1) await requestSeats(ports, request(id));
    expect(asked).toBe(1);
    expect(await queue.admin.xlen(streamKey)).toBe(21);
  });

  it('P9: refuses at the backlog limit, and writes nothing', async () => {
    const client = await queue.connect('publish');
    const { logger } = recordEvents();
    const small = createStreamPublisher({
      client,
      monotonicMs: () => 0,
      logger: { ...logger, error: logger.warn },
      backlogLimit: 2,
    });
    await small.accept(job(1));
    await small.accept(job(2));
    expect(await refusal(small.accept(job(3)))).toBe('queue-full');
    expect(await leftOver(queue.admin)).toHaveLength(4);
  });

  it('P10: refuses when memory is full, writes nothing, and still knows a key', async () => {
    const accepted = job(1, { idempotencyKey: key });
    await queue.publisher.accept(accepted);
    await queue.admin.config('SET', 'maxmemory', '1');
    expect(await refusal(queue.publisher.accept(job(2)))).toBe('queue-full');
    const again = await queue.publisher.accept(job(1, { idempotencyKey: key }));
    expect(again).toEqual({ result: 'known', operationId: accepted.operationId });
    expect(await leftOver(queue.admin)).toHaveLength(2);
  });

  it('P11: answers 503 while Redis hangs, and the same key finds what was written behind the lost answer', async () => {
    const { logger } = recordEvents();
    const parts = { monotonicMs: () => performance.now(), logger: { ...logger, error: logger.warn }, backlogLimit: 10 };
    const impatient = createStreamPublisher({ client: await queue.connect('publish', 200), ...parts });
    await impatient.find(randomUUID());
    await impatient.accept(job(7));
    const lost = job(1, { idempotencyKey: key });
    process.kill(queue.processId, 'SIGSTOP');
    try {
      expect(await refusal(impatient.accept(lost))).toBe('queue-unavailable');
    } finally {
      process.kill(queue.processId, 'SIGCONT');
    }
    await vi.waitFor(async () => expect(await queue.admin.xlen(streamKey)).toBe(2));
    const again = await queue.publisher.accept(job(1, { idempotencyKey: key }));
    expect(again).toEqual({ result: 'known', operationId: lost.operationId });
    expect(await refusal(queue.publisher.accept(job(1)).then(({ result }) => result))).toBe('accepted');
  });

  it.each([
    ['appendonly', 'no', 'yes'],
    ['appendfsync', 'everysec', 'always'],
    ['no-appendfsync-on-rewrite', 'yes', 'no'],
    ['maxmemory-policy', 'allkeys-lru', 'noeviction'],
  ])('P12: never says 202 with %s %s, and says so until it is %s', async (name, wrong, right) => {
    await queue.admin.config('SET', name, wrong);
    let elapsedMs = 0;
    const { events, logger } = recordEvents();
    const client = await queue.connect('publish');
    const publisher = createStreamPublisher({
      client,
      monotonicMs: () => elapsedMs,
      logger: { ...logger, error: logger.warn },
      backlogLimit: 10,
    });
    await expect(publisher.accept(job(1))).rejects.toThrow(`${name} must be ${right}, got ${wrong}`);
    await queue.admin.config('SET', name, right);
    expect(await refusal(publisher.accept(job(1)))).toBe('queue-unavailable');
    elapsedMs += 1_000;
    expect(await publisher.accept(job(1))).toMatchObject({ result: 'accepted' });
    expect(events.filter((event) => event.startsWith('queue-'))).toEqual(['queue-misconfigured', 'queue-durable']);
    await queue.admin.config('SET', name, wrong);
    await queue.admin.call('CLIENT', 'KILL', 'ID', await client.client('ID'));
    await vi.waitFor(async () => {
      const error = await publisher.accept(job(2)).catch(String);
      expect(error).toContain(`got ${wrong}`);
    });
    await queue.admin.config('SET', name, right);
  });

  it('P13: publishes a vanished operation anew for its key, and gives its target to others', async () => {
    const lost = job(1, { idempotencyKey: key });
    const other = job(2);
    await queue.publisher.accept(lost);
    await queue.publisher.accept(other);
    await queue.admin.del(streamKey);
    const shown = await findSeatCreation({ store: createMemoryStore(), queue: queue.publisher }, other.operationId);
    expect(shown).toMatchObject({ state: 'failed', failure: { reason: 'vanished' } });
    const again = await queue.publisher.accept(job(1, { idempotencyKey: key }));
    expect(again).toEqual({ result: 'known', operationId: lost.operationId });
    expect(await queue.publisher.accept(job(2))).toMatchObject({ result: 'accepted' });
    const entries = await queue.admin.xrange(streamKey, '-', '+');
    expect(entries).toHaveLength(2);
    expect(entries[0]?.[1]).toEqual(['job', encodeJob(lost)]);
  });

  it('P14: is not stopped by a missing group, which is made at 0', async () => {
    await queue.publisher.accept(job(1));
    const store = createMemoryStore();
    const { consumer } = await queue.createConsumer(store);
    await consumer.recover();
    await consumer.readOnce();
    expect(store.created).toEqual(new Map([['hall:1', 1]]));
  });
});
