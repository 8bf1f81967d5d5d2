import { DomainError } from '../domain-error.ts';
import { afterCommit } from './after-commit.ts';
import { attemptBackoff, backoffMs, mostAttempts } from './backoff.ts';
import { type ConsumerSteps, type Delivery, isJobDelivery, type JobDelivery } from './consumer-steps.ts';
import type { SeatCreationFailure } from './failure.ts';
import type { JobWorkerParts } from './job-worker-parts.ts';
import { packJobs } from './pack-jobs.ts';
import type { CreateSeatsOutcome, JobResult } from './seat-creation-store.ts';

export interface DeliveryProcessorParts extends JobWorkerParts {
  readonly steps: Pick<ConsumerSteps, 'acknowledge' | 'deadLetter'>;
  /** Aborted: what runs is finished, nothing else is begun. */
  readonly stopping: AbortSignal;
}

/**
 * Brings deliveries to their end: acknowledged, dead letter, or held for another attempt. Rejects only with what
 * Redis rejects an acknowledgement with; the entries are then pending still, and their next delivery finds them done.
 */
export interface DeliveryProcessor {
  /** These entries are this consumer's to keep alive from now on. */
  hold(entryIds: readonly string[]): void;
  /** Somebody else's, or nobody's: nothing is begun for them any more. */
  drop(entryIds: readonly string[]): void;
  held(): readonly string[];
  /** Forgets all but those that wait for another attempt: they are pending, and will be found there. */
  forgetUnsettled(): void;
  isWaiting(entryId: string): boolean;
  waiting(): number;
  /** Until the next attempt is due; `undefined`: none waits. */
  untilNextAttemptMs(): number | undefined;
  process(deliveries: readonly Delivery[]): Promise<void>;
  processDue(): Promise<void>;
  giveUp(delivery: Delivery, failure: SeatCreationFailure<'permanent'>): Promise<void>;
}

const pauseBackoff = { firstMs: 200, longestMs: 5_000 };

interface Attempt {
  readonly run: () => Promise<void>;
  readonly dueMs: number;
  /** That failed in this process. */
  readonly failures: number;
}

interface Verdict {
  readonly failure: Pick<SeatCreationFailure, 'reason' | 'message'>;
  readonly failedAttempts: number;
}

export function createDeliveryProcessor(parts: DeliveryProcessorParts): DeliveryProcessor {
  const { store, steps, metrics, clock, random, logger, stopping } = parts;
  const held = new Set<string>();
  const attempts = new Map<string, Attempt>();

  function settled(delivery: Delivery): void {
    held.delete(delivery.entryId);
    attempts.delete(delivery.entryId);
  }

  /** Again and again while the database is out of order. `undefined`: it was when there was no more time. */
  async function untilAnswered<Answer>(
    ask: () => Promise<{ readonly answer: Answer } | { readonly transient: unknown }>,
  ): Promise<Answer | undefined> {
    for (let pauses = 1; ; pauses += 1) {
      const asked = await ask();
      if ('answer' in asked) {
        if (pauses > 1) logger.info({ event: 'seat-creation-resumed', pauses }, 'Reading goes on');
        return asked.answer;
      }
      if (pauses === 1) logger.warn({ event: 'seat-creation-paused', err: asked.transient }, 'Reading is paused');
      metrics.paused();
      metrics.consumerState('paused');
      await clock.sleep(backoffMs(pauses, pauseBackoff, random), stopping);
      if (stopping.aborted) return undefined;
      metrics.consumerState('processing');
    }
  }

  async function createSeats(pack: readonly JobDelivery[]): Promise<CreateSeatsOutcome | undefined> {
    return untilAnswered(async () => {
      const outcome = await store.createSeats(pack.map(({ content }) => content));
      const isTransient = outcome.outcome === 'failed' && outcome.failure.kind === 'transient';
      return isTransient ? { transient: outcome.cause } : { answer: outcome };
    });
  }

  async function processPack(all: readonly JobDelivery[]): Promise<void> {
    const pack = all.filter(({ entryId }) => held.has(entryId));
    metrics.delivered('not_mine', all.length - pack.length);
    if (pack.length === 0 || stopping.aborted) return;
    const outcome = await createSeats(pack);
    if (outcome?.outcome === 'committed') return settle(pack, outcome.results);
    const [only, ...others] = pack;
    if (others.length > 0 && outcome) for (const delivery of pack) await processPack([delivery]);
    else if (only && outcome) await failed(only, outcome.failure, outcome.cause);
  }

  /** After the commit, and in this order: a crash before the acknowledgement brings all of it again. */
  async function settle(pack: readonly JobDelivery[], results: readonly JobResult[]): Promise<void> {
    const done: JobDelivery[] = [];
    const refused: (readonly [JobDelivery, SeatCreationFailure])[] = [];
    for (const [index, delivery] of pack.entries()) {
      const result = results[index];
      if (result === undefined) throw new Error(`createSeats gave ${results.length} results for ${pack.length} jobs`);
      if (result.result === 'refused') {
        refused.push([delivery, result.failure]);
        continue;
      }
      done.push(delivery);
      await afterCommit(parts, delivery.content, result);
    }
    if (done.length > 0) await steps.acknowledge(done);
    for (const delivery of done) settled(delivery);
    for (const [delivery, failure] of refused) await failed(delivery, failure);
  }

  async function failed(delivery: JobDelivery, failure: SeatCreationFailure, cause?: unknown): Promise<void> {
    if (!held.has(delivery.entryId)) return;
    const failedAttempts = await record(delivery, failure);
    if (failedAttempts === undefined) return;
    if (failedAttempts === 'not-counted') {
      tryLater(delivery, 1, () => process([delivery]));
      return;
    }
    if (failure.kind === 'permanent' || failedAttempts >= mostAttempts) {
      await moveToDeadLetters(delivery, { failure, failedAttempts });
      return;
    }
    const { reason } = failure;
    const { operationId } = delivery.content;
    logger.warn({ event: 'seat-creation-failed', operationId, reason, failedAttempts, err: cause }, failure.message);
    metrics.retried(reason);
    metrics.delivered('retried');
    tryLater(delivery, failedAttempts, () => process([delivery]));
  }

  /**
   * How many attempts have failed. `undefined`: that could not be written down, and there is no more time. Where nobody
   * knows why, the record is also the question whether the database is in order: if it can't be written, the attempt
   * may have failed because of that, and does not count.
   */
  async function record(
    delivery: JobDelivery,
    failure: SeatCreationFailure,
  ): Promise<number | 'not-counted' | undefined> {
    const facts = { failedAt: clock.now().toISOString(), isFinal: failure.kind === 'permanent' };
    return untilAnswered<number | 'not-counted'>(async () => {
      try {
        return { answer: (await store.recordFailure(delivery.content, failure, facts)).failedAttempts };
      } catch (error) {
        if (error instanceof DomainError) {
          if (failure.kind !== 'unclear') return { transient: error };
          logger.warn({ event: 'seat-creation-attempt-not-counted', err: error }, failure.message);
          return { answer: 'not-counted' };
        }
        // The loop must go on whatever is wrong with the record: what this process has seen counts then.
        const failures = (attempts.get(delivery.entryId)?.failures ?? 0) + 1;
        logger.error({ event: 'seat-creation-record-failed', err: error }, 'A failed attempt was not recorded');
        return { answer: failures };
      }
    });
  }

  function tryLater({ entryId }: Delivery, failures: number, run: () => Promise<void>): void {
    const dueMs = clock.monotonicMs() + backoffMs(failures, attemptBackoff, random);
    attempts.set(entryId, { run, dueMs, failures });
  }

  async function moveToDeadLetters(delivery: Delivery, verdict: Verdict): Promise<void> {
    const { failure, failedAttempts } = verdict;
    const { entryId } = delivery;
    if (!held.has(entryId)) return;
    const facts = { failure, failedAttempts, failedAt: clock.now().toISOString() };
    let result;
    try {
      result = await steps.deadLetter(delivery, facts);
    } catch (error) {
      // It stays pending, and the others need not wait for it.
      logger.error({ event: 'seat-creation-dead-letter-failed', entryId, err: error }, 'A dead letter was not written');
      tryLater(delivery, Math.max(1, failedAttempts), () => moveToDeadLetters(delivery, verdict));
      return;
    }
    settled(delivery);
    if (result === 'vanished') metrics.vanished(1);
    metrics.delivered(result === 'moved' ? 'dead_lettered' : result === 'vanished' ? 'vanished' : 'not_mine');
    if (result !== 'moved') return;
    metrics.deadLettered(failure.reason);
    const operationId = isJobDelivery(delivery) ? delivery.content.operationId : undefined;
    logger.error({ event: 'seat-creation-dead-letter', entryId, operationId, reason: failure.reason }, failure.message);
  }

  async function giveUp(delivery: Delivery, failure: SeatCreationFailure<'permanent'>): Promise<void> {
    held.add(delivery.entryId);
    if (isJobDelivery(delivery)) await failed(delivery, failure);
    else await moveToDeadLetters(delivery, { failure, failedAttempts: 0 });
  }

  async function process(deliveries: readonly Delivery[]): Promise<void> {
    for (const { entryId } of deliveries) held.add(entryId);
    const jobs = deliveries.filter(isJobDelivery);
    for (const pack of packJobs(jobs)) await processPack(pack);
    for (const delivery of deliveries) {
      if (!('unreadable' in delivery.content) || stopping.aborted) continue;
      await giveUp(delivery, { kind: 'permanent', reason: 'unreadable', message: delivery.content.unreadable });
    }
  }

  return {
    hold: (entryIds) => entryIds.forEach((entryId) => held.add(entryId)),
    drop(entryIds) {
      for (const entryId of entryIds) {
        held.delete(entryId);
        attempts.delete(entryId);
      }
    },
    held: () => [...held],
    forgetUnsettled() {
      for (const entryId of held) if (!attempts.has(entryId)) held.delete(entryId);
    },
    isWaiting: (entryId) => attempts.has(entryId),
    waiting: () => attempts.size,
    untilNextAttemptMs() {
      if (attempts.size === 0) return undefined;
      const dueMs = Math.min(...[...attempts.values()].map((attempt) => attempt.dueMs));
      return Math.max(0, dueMs - clock.monotonicMs());
    },
    process,
    async processDue() {
      const due = [...attempts.values()].filter(({ dueMs }) => dueMs <= clock.monotonicMs());
      for (const { run } of due) await run();
    },
    giveUp,
  };
}
