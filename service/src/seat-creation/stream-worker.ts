import { createRedisClient } from '../redis/create-redis-client.ts';
import { backoffMs } from './backoff.ts';
import { type ConsumerSlot, leaveSlot, takeSlot } from './consumer-slot.ts';
import { type ConsumerSteps, createConsumerSteps, type DecorateSteps } from './consumer-steps.ts';
import { createDeliveryProcessor, type DeliveryProcessor } from './delivery-processor.ts';
import type { JobWorkerParts } from './job-worker-parts.ts';
import { blockMs, createStreamConsumer } from './stream-consumer.ts';
import { consumerPrefix } from './stream-keys.ts';

export interface StreamWorkerParts extends JobWorkerParts {
  readonly redisUrl: string;
  readonly minIdleMs: number;
  readonly decorateSteps?: DecorateSteps | undefined;
}

/** Takes jobs from the stream, one batch at a time. A server out of reach is waited for. */
export interface StreamWorker {
  start(): void;
  /** No more reading; what runs is finished, or handed back when the grace is over; the name is given up. */
  stop(graceMs: number): Promise<void>;
}

const answerWithinMs = 5_000;
const readAnswerWithinMs = blockMs + 2_000;
const maxDeliveries = 5;
const slotBackoff = { firstMs: 100, longestMs: 1_000 };

export function createStreamWorker(parts: StreamWorkerParts): StreamWorker {
  const { redisUrl: url, minIdleMs, metrics, clock, random, logger } = parts;
  const stopping = new AbortController();
  let connections: ReturnType<typeof connect> | undefined;
  let current: { readonly steps: ConsumerSteps; readonly processor: DeliveryProcessor } | undefined;
  let ended: Promise<void> = Promise.resolve();

  function connect() {
    return {
      reader: createRedisClient({ role: 'read', url, commandTimeoutMs: readAnswerWithinMs, logger, random }),
      acknowledger: createRedisClient({ role: 'acknowledge', url, commandTimeoutMs: answerWithinMs, logger, random }),
    };
  }

  async function takeSomeSlot(connected: ReturnType<typeof connect>): Promise<ConsumerSlot | undefined> {
    for (let attempt = 1; !stopping.signal.aborted; attempt += 1) {
      try {
        return await takeSlot(connected.acknowledger, minIdleMs);
      } catch (error) {
        // The first ones come before the connection does.
        if (attempt === 4) logger.warn({ event: 'seat-creation-no-slot', err: error }, 'The queue is waited for');
        await clock.sleep(backoffMs(attempt, slotBackoff, random), stopping.signal);
      }
    }
    return undefined;
  }

  async function runIn(slot: ConsumerSlot, connected: ReturnType<typeof connect>): Promise<void> {
    const plainSteps = createConsumerSteps({ ...connected, slot, minIdleMs, maxDeliveries });
    const steps = parts.decorateSteps?.(plainSteps, `${consumerPrefix}${slot.number}`) ?? plainSteps;
    const processor = createDeliveryProcessor({ ...parts, steps, stopping: stopping.signal });
    current = { steps, processor };
    logger.info({ event: 'seat-creation-consumer', slot: slot.number }, 'The consumer begins');
    const end = await createStreamConsumer({
      ...parts,
      steps,
      processor,
      stopping: stopping.signal,
      maxDeliveries,
    }).run();
    if (end === 'slot-lost') return;
    await handBack();
    await leaveSlot(connected.acknowledger, slot);
  }

  async function handBack(): Promise<void> {
    const entryIds = current?.processor.held() ?? [];
    if (!current || entryIds.length === 0) return;
    current.processor.drop(entryIds);
    const handedBack = await current.steps.handBack(entryIds);
    metrics.delivered('handed_back', handedBack);
    logger.info({ event: 'seat-creation-handed-back', handedBack }, 'Another consumer takes them');
  }

  async function run(connected: ReturnType<typeof connect>): Promise<void> {
    metrics.consumerState('healing');
    while (!stopping.signal.aborted) {
      const slot = await takeSomeSlot(connected);
      if (!slot || (await orWarn(runIn(slot, connected)))) continue;
      await clock.sleep(slotBackoff.longestMs, stopping.signal);
    }
    metrics.consumerState('stopped');
  }

  /** Whether it went well. What fails leaves entries pending, and they are claimed when they have been idle for long. */
  async function orWarn(step: Promise<unknown>): Promise<boolean> {
    try {
      await step;
      return true;
    } catch (error) {
      logger.warn({ event: 'seat-creation-incomplete', err: error }, 'Other consumers take over after a while');
      return false;
    }
  }

  return {
    start() {
      // What was stopped while it was starting must not come up behind it.
      if (stopping.signal.aborted) return;
      connections = connect();
      ended = run(connections);
    },
    async stop(graceMs) {
      stopping.abort();
      if (!connections) return;
      if (current) await orWarn(current.steps.endReading());
      const graceOver = new AbortController();
      await Promise.race([ended, clock.sleep(graceMs, graceOver.signal)]);
      graceOver.abort();
      await orWarn(handBack());
      connections.reader.disconnect();
      connections.acknowledger.disconnect();
    },
  };
}
