import { DomainError } from '../domain-error.ts';
import type { SeatTarget } from './job.ts';
import type { QueuedOperation, SeatCreationQueue } from './seat-creation-queue.ts';
import type { RecordedOperation, SeatCreationStore } from './seat-creation-store.ts';

export interface FindSeatCreationPorts {
  readonly store: Pick<SeatCreationStore, 'findOperation'>;
  readonly queue: Pick<SeatCreationQueue, 'find'>;
}

/** What `GET /seat-creations/{id}` shows. */
export interface SeatCreationOperation {
  readonly id: string;
  readonly target: SeatTarget;
  readonly state: 'accepted' | 'processing' | 'done' | 'failed';
  /** Attempts that have ended, the one that succeeded included. */
  readonly attempts: number;
  readonly acceptedAt: string;
  /** When it was done, or given up. */
  readonly endedAt?: string;
  readonly seatsCreated?: number;
  readonly failure?: { readonly reason: string; readonly message: string };
  readonly deadLetterId?: string;
}

const operationId = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * The ledger first: only its row means done. What is not done is known to the queue, and what the queue knows nothing
 * of may have been done while it was asked. Rejects with `seat-creation-not-found`, or as the database or the queue do.
 */
export async function findSeatCreation(
  { store, queue }: FindSeatCreationPorts,
  id: string,
): Promise<SeatCreationOperation> {
  if (!operationId.test(id)) throw notFound(id);
  const recorded = await store.findOperation(id);
  if (recorded?.state.name === 'done') return done(recorded, recorded.state);
  const queued = await queue.find(id);
  if (queued) return underWay(queued, recorded?.failedAttempts ?? 0);
  const settled = await store.findOperation(id);
  if (settled?.state.name === 'done') return done(settled, settled.state);
  if (settled) return failed(settled, settled.state);
  throw notFound(id);
}

function done(
  { operationId: id, target, acceptedAt, failedAttempts }: RecordedOperation,
  { seats, doneAt }: Extract<RecordedOperation['state'], { name: 'done' }>,
): SeatCreationOperation {
  return { id, target, state: 'done', attempts: failedAttempts + 1, acceptedAt, endedAt: doneAt, seatsCreated: seats };
}

/** The queue has forgotten it: nobody will try again. */
function failed(
  { operationId: id, target, acceptedAt, failedAttempts }: RecordedOperation,
  { failure, failedAt }: Extract<RecordedOperation['state'], { name: 'failing' }>,
): SeatCreationOperation {
  const { reason, message } = failure;
  return {
    id,
    target,
    state: 'failed',
    attempts: failedAttempts,
    acceptedAt,
    endedAt: failedAt,
    failure: { reason, message },
  };
}

function underWay({ job, state, failure }: QueuedOperation, attempts: number): SeatCreationOperation {
  const { operationId: id, target, acceptedAt } = job;
  const common = { id, target, attempts, acceptedAt };
  if (state === 'lost') {
    const message = 'its entry was deleted from the queue: send the request again';
    return { ...common, state: 'failed', failure: { reason: 'vanished', message } };
  }
  if (state !== 'failed' || !failure) return { ...common, state: state === 'accepted' ? 'accepted' : 'processing' };
  const { reason, message, failedAt, letterId } = failure;
  return {
    ...common,
    state: 'failed',
    endedAt: failedAt,
    failure: { reason, message },
    ...(letterId !== undefined && { deadLetterId: letterId }),
  };
}

function notFound(id: string): DomainError {
  return new DomainError('seat-creation-not-found', `there is no seat creation "${id.slice(0, 40)}"`);
}
