import { DomainError } from '../domain-error.ts';
import { afterCommit } from './after-commit.ts';
import { attemptBackoff, backoffMs, mostAttempts } from './backoff.ts';
import type { SeatCreationFailure } from './failure.ts';
import type { SeatCreationJob } from './job.ts';
import type { JobWorkerParts } from './job-worker-parts.ts';
import type { Acceptance, QueuedOperation, SeatCreationQueue } from './seat-creation-queue.ts';
import { targetName } from './stream-keys.ts';

export interface InProcessParts extends JobWorkerParts {
  /** Jobs that run at the same time. */
  readonly concurrency: number;
  /** Jobs that are not settled: from here on nothing is accepted. */
  readonly backlogLimit: number;
}

export interface InProcessSeatCreation extends SeatCreationQueue {
  /** Accepts nothing more and works on for so long at most. What is left then is lost, and so is what a crash meets. */
  stop(graceMs: number): Promise<void>;
}

/** Failed operations that can still be asked for. */
const mostFailed = 10_000;

type OperationState = Pick<QueuedOperation, 'job' | 'state'> & {
  readonly failure?: NonNullable<QueuedOperation['failure']>;
};

/**
 * The variant before: the request is answered and the work goes on in this process, as an `@Async` method of a
 * framework does, with a bounded pool, the same transaction, retries, and failures that are recorded and logged. What
 * it lacks is durability.
 */
export function createInProcessSeatCreation(parts: InProcessParts): InProcessSeatCreation {
  const { metrics, logger, concurrency, backlogLimit } = parts;
  const operations = new Map<string, OperationState>();
  const operationOfTarget = new Map<string, string>();
  const operationOfKey = new Map<string, { readonly operationId: string; readonly target: string }>();
  const failedIds: string[] = [];
  const queue: SeatCreationJob[] = [];
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();
  let isClosed = false;
  let whenIdle = (): void => undefined;

  function forget({ operationId, target, idempotencyKey }: SeatCreationJob): void {
    operations.delete(operationId);
    if (operationOfTarget.get(targetName(target)) === operationId) operationOfTarget.delete(targetName(target));
    if (idempotencyKey) operationOfKey.delete(JSON.stringify(idempotencyKey));
  }

  function keepFailed(job: SeatCreationJob, { reason, message }: SeatCreationFailure): void {
    const failedAt = parts.clock.now().toISOString();
    operations.set(job.operationId, { job, state: 'failed', failure: { reason, message, failedAt } });
    operationOfTarget.delete(targetName(job.target));
    metrics.deadLettered(reason);
    logger.error({ event: 'seat-creation-given-up', operationId: job.operationId, reason }, message);
    failedIds.push(job.operationId);
    const oldest = failedIds.length > mostFailed ? operations.get(failedIds.shift() ?? '') : undefined;
    if (oldest) forget(oldest.job);
  }

  async function run(job: SeatCreationJob): Promise<void> {
    operations.set(job.operationId, { job, state: 'processing' });
    const failure = await createWithRetries(job, parts, stopping.signal);
    if (failure) keepFailed(job, failure);
    else forget(job);
  }

  function startNext(): void {
    while (running.size < concurrency && !stopping.signal.aborted) {
      const job = queue.shift();
      if (!job) return;
      const ended = run(job)
        .catch((error: unknown) => logger.error({ event: 'seat-creation-broken', err: error }, 'A job was not settled'))
        .finally(() => {
          running.delete(ended);
          startNext();
          if (running.size === 0) whenIdle();
        });
      running.add(ended);
    }
  }

  function accept(job: SeatCreationJob): Acceptance {
    const { operationId, idempotencyKey } = job;
    const target = targetName(job.target);
    const known = idempotencyKey && operationOfKey.get(JSON.stringify(idempotencyKey));
    if (known) return { result: known.target === target ? 'known' : 'key-reused', operationId: known.operationId };
    const holder = operationOfTarget.get(target);
    if (holder !== undefined) return { result: 'under-way', operationId: holder };
    if (isClosed || queue.length + running.size >= backlogLimit) {
      throw new DomainError('queue-full', `the process takes ${backlogLimit} jobs at most, and none while it stops`);
    }
    operations.set(operationId, { job, state: 'accepted' });
    operationOfTarget.set(target, operationId);
    if (idempotencyKey) operationOfKey.set(JSON.stringify(idempotencyKey), { operationId, target });
    queue.push(job);
    // After the answer has been handed over.
    setImmediate(startNext);
    return { result: 'accepted', operationId };
  }

  return {
    accept: (job) => new Promise((resolve) => resolve(accept(job))),
    find(operationId) {
      const operation = operations.get(operationId);
      return Promise.resolve(operation && { ...operation, deliveries: operation.state === 'accepted' ? 0 : 1 });
    },
    async stop(graceMs) {
      isClosed = true;
      const idle = new AbortController();
      whenIdle = () => idle.abort();
      startNext();
      if (running.size > 0) await parts.clock.sleep(graceMs, idle.signal);
      stopping.abort();
      const lost = queue.length + running.size;
      if (lost > 0) logger.error({ event: 'seat-creation-lost', lost }, 'Accepted jobs end with the process');
    },
  };
}

/** `undefined`: done. An outage counts no attempt. */
async function createWithRetries(
  job: SeatCreationJob,
  parts: InProcessParts,
  stopping: AbortSignal,
): Promise<SeatCreationFailure | undefined> {
  const { store, metrics, clock, random, logger } = parts;
  let failedAttempts = 0;
  for (let tries = 1; ; tries += 1) {
    const failure = await createOnce(job, parts);
    if (!failure) return undefined;
    if (failure.kind === 'transient') {
      if (stopping.aborted) return failure;
      metrics.paused();
    } else {
      failedAttempts += 1;
      const isFinal = failure.kind === 'permanent' || failedAttempts >= mostAttempts || stopping.aborted;
      await store
        .recordFailure(job, failure, { failedAt: clock.now().toISOString(), isFinal })
        .catch((error: unknown) => logger.error({ event: 'seat-creation-record-failed', err: error }));
      if (isFinal) return failure;
      metrics.retried(failure.reason);
    }
    await clock.sleep(backoffMs(tries, attemptBackoff, random), stopping);
  }
}

async function createOnce(job: SeatCreationJob, parts: InProcessParts): Promise<SeatCreationFailure | undefined> {
  const outcome = await parts.store.createSeats([job]);
  if (outcome.outcome === 'failed') return outcome.failure;
  const [result] = outcome.results;
  if (result === undefined) throw new Error('createSeats gave no result for its job');
  if (result.result === 'refused') return result.failure;
  await afterCommit(parts, job, result);
  return undefined;
}
