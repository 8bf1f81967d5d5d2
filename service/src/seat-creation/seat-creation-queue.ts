import type { FailureReason } from './failure.ts';
import type { SeatCreationJob } from './job.ts';

/**
 * `accepted`: the queue keeps its promise for it from now on. `known`: this key was used for this target before.
 * `key-reused`: for another target. `under-way`: another operation has the target.
 */
export type Acceptance = {
  readonly result: 'accepted' | 'known' | 'key-reused' | 'under-way';
  readonly operationId: string;
};

/** An operation that the queue has not settled yet. What is done has left it. */
export interface QueuedOperation {
  readonly job: SeatCreationJob;
  /** `lost`: its entry was deleted from outside. */
  readonly state: 'accepted' | 'processing' | 'failed' | 'lost';
  /** How often it was given to a consumer. */
  readonly deliveries: number;
  readonly failure?: {
    readonly reason: string;
    readonly message: string;
    readonly failedAt: string;
    readonly letterId?: string;
  };
}

/** Where accepted jobs wait. Rejects with `DomainError` `queue-full` or `queue-unavailable`: then nothing is promised. */
export interface SeatCreationQueue {
  accept(job: SeatCreationJob): Promise<Acceptance>;
  find(operationId: string): Promise<QueuedOperation | undefined>;
}

/** Why a letter is one, before it was replayed. */
export interface PastFailure {
  readonly reason: string;
  readonly message: string;
  readonly failedAt: string;
}

export interface DeadLetter {
  /** `<ms>-<sequence>`. */
  readonly id: string;
  readonly reason: FailureReason;
  readonly message: string;
  readonly failedAt: string;
  readonly failedAttempts: number;
  readonly deliveries: number;
  /** Of earlier letters of this job, the oldest first. */
  readonly history: readonly PastFailure[];
  /** Absent: the entry was no job. */
  readonly job?: SeatCreationJob;
}

/**
 * `replayed`: now, or already. `under-way`: its target has another job. `unreadable`: it is no job that this program
 * can read.
 */
export type ReplayResult =
  | { readonly result: 'replayed' | 'under-way'; readonly operationId: string }
  | { readonly result: 'missing' }
  | { readonly result: 'unreadable' };

/** Jobs that were given up, with their reasons. Rejects as the queue does. */
export interface DeadLetters {
  /** The oldest first, behind `after`, at most `limit`. */
  list(page: { readonly after?: string | undefined; readonly limit: number }): Promise<readonly DeadLetter[]>;
  replay(letterId: string): Promise<ReplayResult>;
}
