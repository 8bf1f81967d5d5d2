import { hallNotFound, showtimeNotFound } from '../catalog/not-found.ts';
import { DomainError } from '../domain-error.ts';
import type { IdempotencyKey, SeatTarget } from './job.ts';
import type { OptionalAnswers } from './optional-answers.ts';
import type { SeatCreationMetrics } from './seat-creation-metrics.ts';
import type { SeatCreationQueue } from './seat-creation-queue.ts';
import type { SeatCreationStore } from './seat-creation-store.ts';

export interface RequestSeatsPorts {
  readonly store: Pick<SeatCreationStore, 'findByIdempotencyKey' | 'findTarget'>;
  readonly queue: Pick<SeatCreationQueue, 'accept'>;
  readonly metrics: Pick<SeatCreationMetrics, 'published'>;
  /** The database is asked, but not waited for: accepting must go on without it. */
  readonly fromDatabase: OptionalAnswers;
  readonly now: () => Date;
  readonly newOperationId: () => string;
}

export interface SeatsRequested {
  readonly target: SeatTarget;
  readonly idempotencyKey?: IdempotencyKey | undefined;
}

/**
 * Accepts a job and answers its operation's id: the same one for the same key. Rejects with `hall-not-found`,
 * `showtime-not-found`, `seats-exist`, `seat-creation-under-way`, `idempotency-key-reused`, `queue-full` or
 * `queue-unavailable`. While the database is out of order, what it alone knows is found out by the consumer.
 */
export async function requestSeats(
  ports: RequestSeatsPorts,
  { target, idempotencyKey }: SeatsRequested,
): Promise<string> {
  const { store, queue, metrics, fromDatabase, now, newOperationId } = ports;
  // In this order: an operation that is seen to have this target's seats has its key in sight as well.
  const state = await fromDatabase(() => store.findTarget(target));
  const known = idempotencyKey && (await fromDatabase(() => store.findByIdempotencyKey(idempotencyKey)));
  if (known) {
    if (known.target.kind === target.kind && known.target.id === target.id) return known.operationId;
    throw keyReused(known.operationId);
  }
  if (state?.exists === false) throw target.kind === 'hall' ? hallNotFound(target.id) : showtimeNotFound(target.id);
  if (state?.doneBy !== undefined) throw seatsExist(target, state.doneBy);
  const job = {
    operationId: newOperationId(),
    target,
    idempotencyKey,
    acceptedAt: now().toISOString(),
    replays: 0,
    plannedSeats: state?.plannedSeats,
  };
  const { result, operationId } = await queue.accept(job).catch((error: unknown) => {
    metrics.published('refused');
    throw error;
  });
  metrics.published(result);
  if (result === 'key-reused') throw keyReused(operationId);
  if (result === 'under-way') throw underWay(target, operationId);
  return operationId;
}

function underWay({ kind, id }: SeatTarget, operationId: string): DomainError {
  return new DomainError(
    'seat-creation-under-way',
    `the seats of ${kind} ${id} are being created already: see /seat-creations/${operationId}`,
    { operationId },
  );
}

function seatsExist({ kind, id }: SeatTarget, operationId: string): DomainError {
  return new DomainError('seats-exist', `${kind} ${id} has its seats: see /seat-creations/${operationId}`, {
    operationId,
  });
}

function keyReused(operationId: string): DomainError {
  return new DomainError(
    'idempotency-key-reused',
    `this Idempotency-Key belongs to /seat-creations/${operationId}, which asked for something else: use a new one`,
    { operationId },
  );
}
