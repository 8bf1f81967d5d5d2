import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';
import { Registry } from 'prom-client';

import { startRedisServer } from '../../../benchmarks/environments/redis-server.ts';
import { createRedisClient } from '../../src/redis/create-redis-client.ts';
import { takeSlot } from '../../src/seat-creation/consumer-slot.ts';
import {
  type ConsumerSteps,
  createConsumerSteps,
  isJobDelivery,
  type JobDelivery,
} from '../../src/seat-creation/consumer-steps.ts';
import { createDeadLetters } from '../../src/seat-creation/dead-letters.ts';
import { createDeliveryProcessor, type DeliveryProcessor } from '../../src/seat-creation/delivery-processor.ts';
import type { SeatCreationJob } from '../../src/seat-creation/job.ts';
import { createSeatCreationMetrics } from '../../src/seat-creation/seat-creation-metrics.ts';
import type { SeatCreationStore } from '../../src/seat-creation/seat-creation-store.ts';
import { createStreamConsumer, type StreamConsumer } from '../../src/seat-creation/stream-consumer.ts';
import { deadLettersKey, groupName, streamKey } from '../../src/seat-creation/stream-keys.ts';
import { createStreamPublisher, type StreamPublisher } from '../../src/seat-creation/stream-publisher.ts';
import { recordEvents } from '../recorded-events.ts';
import { sumOfMetric } from '../sum-of-metric.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

export const minIdleMs = 60_000;
const backlogLimit = 1_000;

/** A consumer whose steps a test runs one by one. Its process has died when nobody calls them any more. */
export interface ConsumerUnderTest {
  readonly steps: ConsumerSteps;
  readonly processor: DeliveryProcessor;
  readonly consumer: StreamConsumer;
  readonly clock: FakeClock;
  readonly name: string;
  readonly stopping: AbortController;
  /** Performances whose invalidation was asked for. */
  readonly invalidated: readonly number[];
  readonly events: readonly string[];
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

export interface QueueUnderTest {
  readonly url: string;
  readonly processId: number;
  /** To look at, and to break things from outside. */
  readonly admin: Redis;
  readonly publisher: StreamPublisher;
  readonly letters: ReturnType<typeof createDeadLetters>;
  connect(role: 'read' | 'acknowledge' | 'publish', commandTimeoutMs?: number): Promise<Redis>;
  createConsumer(
    store: Pick<SeatCreationStore, 'createSeats' | 'recordFailure'>,
    decorate?: (steps: ConsumerSteps) => ConsumerSteps,
  ): Promise<ConsumerUnderTest>;
  /** Everything that is pending, by consumer, with how often it was delivered. */
  pending(): Promise<readonly { readonly entryId: string; readonly consumer: string; readonly deliveries: number }[]>;
  /** As if so much time had passed without a sign of life. */
  age(entryId: string, idleMs?: number): Promise<void>;
  empty(): Promise<void>;
  stop(): Promise<void>;
}

export function job(id: number, more: Partial<SeatCreationJob> = {}): SeatCreationJob {
  return {
    operationId: randomUUID(),
    target: { kind: 'hall', id },
    acceptedAt: '2026-11-23T10:00:00.000Z',
    replays: 0,
    plannedSeats: 10,
    ...more,
  };
}

export async function startQueue(): Promise<QueueUnderTest> {
  const directory = await mkdtemp(join(tmpdir(), 'seat-creation-'));
  const server = await startRedisServer({ role: 'queue', directory });
  const clients: Redis[] = [];
  const { logger } = recordEvents();
  const quiet = { ...logger, error: logger.warn };

  async function connect(role: 'read' | 'acknowledge' | 'publish', commandTimeoutMs = 5_000): Promise<Redis> {
    const client = createRedisClient({ role, url: server.url, commandTimeoutMs, logger });
    clients.push(client);
    await once(client, 'ready');
    return client;
  }

  const admin = new Redis(server.url);
  let elapsedMs = 0;
  const publisher = createStreamPublisher({
    client: await connect('publish'),
    monotonicMs: () => elapsedMs,
    logger: quiet,
    backlogLimit,
  });

  async function createConsumer(
    store: Pick<SeatCreationStore, 'createSeats' | 'recordFailure'>,
    decorate = (steps: ConsumerSteps): ConsumerSteps => steps,
  ): Promise<ConsumerUnderTest> {
    const [reader, acknowledger] = [await connect('read'), await connect('acknowledge')];
    const slot = await takeSlot(acknowledger, minIdleMs);
    const steps = decorate(createConsumerSteps({ reader, acknowledger, slot, minIdleMs, maxDeliveries: 5 }));
    const stopping = new AbortController();
    const registry = new Registry();
    const invalidated: number[] = [];
    const recorded = recordEvents();
    const parts = {
      store,
      steps,
      cache: {
        invalidate: async ({ performanceId }: { performanceId: number }) => void invalidated.push(performanceId),
      },
      metrics: createSeatCreationMetrics(registry),
      clock: createFakeClock(),
      random: () => 0.5,
      logger: { ...recorded.logger, error: recorded.logger.warn },
      stopping: stopping.signal,
      minIdleMs,
      maxDeliveries: 5,
    };
    const processor = createDeliveryProcessor(parts);
    return {
      steps,
      processor,
      consumer: createStreamConsumer({ ...parts, processor }),
      clock: parts.clock,
      name: `worker-${slot.number}`,
      stopping,
      invalidated,
      events: recorded.events,
      metric: (name, labels) => sumOfMetric(registry, `seat_creation_${name}`, labels),
    };
  }

  return {
    url: server.url,
    processId: server.processId,
    admin,
    publisher,
    letters: createDeadLetters(publisher, { backlogLimit }),
    connect,
    createConsumer,
    async pending() {
      const rows = await admin.xpending(streamKey, groupName, '-', '+', 1_000);
      return rows.map((row) => {
        const [entryId, consumer, , deliveries] = Array.isArray(row) ? row : [];
        return { entryId: String(entryId), consumer: String(consumer), deliveries: Number(deliveries) };
      });
    },
    async age(entryId, idleMs = minIdleMs) {
      const [row] = await admin.xpending(streamKey, groupName, entryId, entryId, 1);
      const consumer = Array.isArray(row) ? String(row[1]) : '';
      await admin.call('XCLAIM', streamKey, groupName, consumer, 0, entryId, 'IDLE', idleMs, 'JUSTID');
    },
    async empty() {
      for (const client of clients.splice(1)) client.disconnect();
      // What the publisher thinks of the server is of the test before.
      elapsedMs += 60_000;
      await admin.flushall();
      await admin.config('SET', 'maxmemory', '0');
    },
    async stop() {
      for (const client of [...clients, admin]) client.disconnect();
      await server.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** Every key of the queue that is left, without the slots and what is remembered for a day. */
export async function leftOver(admin: Redis): Promise<readonly string[]> {
  const keys = await admin.keys('seat-creation:*');
  return keys.filter((key) => !/:(slot|key|replayed):/.test(key)).sort();
}

export async function lengths(admin: Redis): Promise<{ readonly stream: number; readonly dead: number }> {
  return { stream: await admin.xlen(streamKey), dead: await admin.xlen(deadLettersKey) };
}

export async function publishJobs(queue: QueueUnderTest, ids: readonly number[]): Promise<void> {
  for (const id of ids) await queue.publisher.accept(job(id));
}

/** Gives a consumer everything that is there; its process could die now. */
export async function deliver(consumer: ConsumerUnderTest): Promise<readonly JobDelivery[]> {
  await consumer.consumer.recover();
  const deliveries = await consumer.steps.readNew({ count: 100, blockMs: 10 });
  return deliveries.filter(isJobDelivery);
}

/** Another consumer, when everything that is pending has been idle for long enough. */
export async function takeOverAll(
  queue: QueueUnderTest,
  store: Pick<SeatCreationStore, 'createSeats' | 'recordFailure'>,
): Promise<ConsumerUnderTest> {
  for (const { entryId } of await queue.pending()) await queue.age(entryId);
  const other = await queue.createConsumer(store);
  await other.consumer.recover();
  await other.consumer.takeOver();
  return other;
}
