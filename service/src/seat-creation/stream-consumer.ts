import type { Logger } from 'pino';

import { backoffMs } from './backoff.ts';
import type { ConsumerClock } from './clock.ts';
import type { ConsumerSteps } from './consumer-steps.ts';
import type { DeliveryProcessor } from './delivery-processor.ts';
import type { SeatCreationMetrics } from './seat-creation-metrics.ts';
import { isNoGroup } from './stream-reply.ts';

export interface StreamConsumerParts {
  readonly steps: ConsumerSteps;
  readonly processor: DeliveryProcessor;
  readonly metrics: SeatCreationMetrics;
  readonly clock: ConsumerClock;
  readonly random: () => number;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly stopping: AbortSignal;
  readonly minIdleMs: number;
  readonly maxDeliveries: number;
}

/** One turn of the loop at a time, each a function, so that a test can put them in any order. */
export interface StreamConsumer {
  /** Makes the group if it is not there, then delivers again what is pending under this name. */
  recover(): Promise<void>;
  /** Takes over what has been idle for too long, by the whole cursor. */
  takeOver(): Promise<void>;
  /** What is due again, then what is new. */
  readOnce(): Promise<void>;
  /** Keeps the slot and what is held. Whether the slot is still this consumer's. */
  heartbeat(): Promise<boolean>;
  /** All of it, until it is told to stop or has lost its slot. */
  run(): Promise<'stopped' | 'slot-lost'>;
}

export const blockMs = 1_000;
const batchSize = 100;
/** Redelivered entries are processed one by one: a small page leaves the rest for others. */
const claimPageSize = 20;
const claimEveryMs = 1_000;
const housekeepingEveryMs = 60_000;
/** Longer than any deploy: a consumer's name is worth more than its line in the list. */
const shortestIdleMs = 10 * 60_000;
const troubleBackoff = { firstMs: 100, longestMs: 1_000 };

export function createStreamConsumer(parts: StreamConsumerParts): StreamConsumer {
  const { steps, processor, metrics, clock, random, logger, stopping, minIdleMs, maxDeliveries } = parts;
  let hasHadGroup = false;
  let slotLost = false;
  let claimAtMs = 0;
  let housekeepingAtMs = clock.monotonicMs() + housekeepingEveryMs;
  const isOver = (): boolean => stopping.aborted || slotLost;

  async function redeliver(pendingIds: readonly string[]): Promise<void> {
    const entryIds = pendingIds.filter((entryId) => !processor.isWaiting(entryId));
    processor.hold(entryIds);
    for (const entryId of entryIds) {
      if (isOver()) return;
      const redelivery = await steps.redeliver(entryId);
      if (redelivery.result === 'delivered') {
        await processor.process([redelivery.delivery]);
      } else if (redelivery.result === 'exhausted') {
        const { deliveries } = redelivery.delivery;
        const message = `given to consumers ${deliveries} times and never finished: ${maxDeliveries} is the most`;
        await processor.giveUp(redelivery.delivery, { kind: 'permanent', reason: 'deliveries-exhausted', message });
      } else {
        processor.drop([entryId]);
        if (redelivery.result === 'vanished') metrics.vanished(1);
        metrics.delivered(redelivery.result === 'vanished' ? 'vanished' : 'not_mine');
      }
    }
  }

  async function recover(): Promise<void> {
    if (await steps.ensureGroup()) {
      metrics.groupMade();
      if (hasHadGroup) logger.error({ event: 'seat-creation-group-gone' }, 'The group was deleted, and is made anew');
    }
    hasHadGroup = true;
    let after = '0-0';
    while (!isOver()) {
      const page = await steps.listOwnPending({ after, count: batchSize });
      await redeliver(page);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last;
    }
  }

  async function takeOver(): Promise<void> {
    let cursor = '0-0';
    do {
      const page = await steps.claimIdle({ cursor, count: claimPageSize });
      if (page.vanished.length > 0) {
        metrics.vanished(page.vanished.length);
        logger.error({ event: 'seat-creation-vanished', entryIds: page.vanished }, 'Pending entries were deleted');
      }
      metrics.claimed(page.entryIds.length);
      await redeliver(page.entryIds);
      cursor = page.cursor;
    } while (cursor !== '0-0' && !isOver());
  }

  async function readOnce(): Promise<void> {
    await processor.processDue();
    const waitMs = Math.ceil(Math.min(blockMs, processor.untilNextAttemptMs() ?? blockMs));
    if (processor.waiting() >= batchSize) return clock.sleep(waitMs, stopping);
    metrics.consumerState('reading');
    // BLOCK 0 would wait for ever.
    const deliveries = await steps.readNew({ count: batchSize, blockMs: Math.max(1, waitMs) });
    metrics.consumerState('processing');
    await processor.process(deliveries);
  }

  async function heartbeat(): Promise<boolean> {
    const lost = await steps.heartbeat(processor.held());
    if (lost === 'slot-lost') {
      slotLost = true;
      processor.drop(processor.held());
      metrics.slotLost();
      logger.warn({ event: 'seat-creation-slot-lost' }, 'Another process has the name of this consumer');
      return false;
    }
    processor.drop(lost);
    return true;
  }

  async function beat(end: AbortSignal): Promise<void> {
    while (!end.aborted && !slotLost) {
      await clock.sleep(minIdleMs / 3, end);
      if (end.aborted) return;
      try {
        await heartbeat();
      } catch (error) {
        logger.warn({ event: 'seat-creation-heartbeat-failed', err: error }, 'What is held may be taken over');
      }
    }
  }

  async function turn(): Promise<void> {
    if (clock.monotonicMs() >= claimAtMs) {
      await takeOver();
      claimAtMs = clock.monotonicMs() + claimEveryMs;
    }
    if (clock.monotonicMs() >= housekeepingAtMs) {
      await steps.deleteIdleConsumers(shortestIdleMs);
      housekeepingAtMs = clock.monotonicMs() + housekeepingEveryMs;
    }
    if (!isOver()) await readOnce();
  }

  /** After any trouble at Redis everything begins anew: the group, what is pending, what is idle, what is new. */
  async function turnUntilOver(): Promise<void> {
    let troubles = 0;
    while (!isOver()) {
      try {
        metrics.consumerState('healing');
        await recover();
        claimAtMs = 0;
        while (!isOver()) {
          await turn();
          troubles = 0;
        }
      } catch (error) {
        processor.forgetUnsettled();
        if (isOver()) return;
        troubles += 1;
        logger.warn({ event: 'seat-creation-trouble', troubles, err: error }, 'The consumer begins anew');
        metrics.consumerState('healing');
        if (!isNoGroup(error) || troubles > 1) await clock.sleep(backoffMs(troubles, troubleBackoff, random), stopping);
      }
    }
  }

  return {
    recover,
    takeOver,
    readOnce,
    heartbeat,
    async run() {
      const end = new AbortController();
      const beating = beat(end.signal);
      try {
        await turnUntilOver();
      } finally {
        end.abort();
        await beating;
      }
      return slotLost ? 'slot-lost' : 'stopped';
    },
  };
}
