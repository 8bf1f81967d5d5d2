import type { PerformanceChanged } from '../performance-cache/performance-cache.ts';
import type { SeatCreationFailure } from './failure.ts';
import type { IdempotencyKey, SeatCreationJob, SeatTarget } from './job.ts';

/** What became of one job of a transaction that was committed. */
export type JobResult =
  /**
   * `created`: by this transaction. `already-done`: the ledger has this operation as done, by an earlier delivery.
   * Either way the same `changed`, because the process of the earlier delivery may have died before its
   * invalidation.
   */
  | {
      readonly result: 'created' | 'already-done';
      readonly seats: number;
      /** Performances whose cached answers show something that has changed. */
      readonly changed: readonly PerformanceChanged[];
    }
  /** Nothing was written for this job; the others of the transaction are not touched by that. */
  | { readonly result: 'refused'; readonly failure: SeatCreationFailure<'permanent' | 'unclear'> };

export type CreateSeatsOutcome =
  /** One result a job, in the jobs' order. Durable. */
  | { readonly outcome: 'committed'; readonly results: readonly JobResult[] }
  /**
   * The transaction failed as a whole: rolled back, or, when the connection was lost at the commit, unknown. The
   * same jobs may be given again in either case.
   */
  | { readonly outcome: 'failed'; readonly failure: SeatCreationFailure; readonly cause: unknown };

/** An operation as the database knows it: only jobs that were done, or have failed at least once. */
export interface RecordedOperation {
  readonly operationId: string;
  readonly target: SeatTarget;
  readonly acceptedAt: string;
  /** Attempts that failed, since the job was last published. */
  readonly failedAttempts: number;
  readonly state:
    | { readonly name: 'done'; readonly seats: number; readonly doneAt: string }
    | {
        readonly name: 'failing';
        readonly failure: Pick<SeatCreationFailure, 'reason' | 'message'>;
        readonly failedAt: string;
        /** Nobody tries again by himself. */
        readonly isFinal: boolean;
      };
}

export type TargetState =
  | { readonly exists: false }
  | {
      readonly exists: true;
      /** Of its hall's seating plan. */
      readonly plannedSeats: number;
      /** The operation that has created its seats. */
      readonly doneBy: string | undefined;
    };

export interface Seat {
  readonly id: number;
  readonly floor: string;
  readonly section: string;
  readonly row: number;
  readonly number: number;
  readonly grade: string;
}

/** `amount`: of its grade when the seats were created; `null` when the performance had no price for it. */
export interface ShowtimeSeat extends Seat {
  readonly amount: number | null;
}

/** `after`: the id of the last seat of the page before. */
export interface SeatsRequest {
  readonly targetId: number;
  readonly after?: number | undefined;
  readonly limit: number;
}

/**
 * The database's side of seat creation, which has the last word on what is done. Everything but `createSeats`
 * rejects with `DomainError` `overloaded` or `database-unavailable` when the database can't be asked.
 */
export interface SeatCreationStore {
  /**
   * One transaction for all jobs: for each the ledger's row, which by being there says `done`, and all seats,
   * set-based, their number compared with the plan. The jobs have distinct operation ids and distinct targets, and
   * halls come before showtimes. Never rejects. Any number of processes may give the same job at the same time: one of
   * them creates, the others see `already-done`.
   */
  createSeats(jobs: readonly SeatCreationJob[]): Promise<CreateSeatsOutcome>;

  /**
   * Adds one failed attempt to the job's record, which is apart from the ledger and never looks like done, and
   * returns how many there are since it was last published: a job with more `replays` than the record starts at 1.
   * `isFinal`: nobody will try again by himself.
   */
  recordFailure(
    job: SeatCreationJob,
    failure: SeatCreationFailure,
    facts: { readonly failedAt: string; readonly isFinal: boolean },
  ): Promise<{ readonly failedAttempts: number }>;

  /** Done wins over failing. */
  findOperation(operationId: string): Promise<RecordedOperation | undefined>;
  /** For good: of jobs that were done and of jobs that have failed. */
  findByIdempotencyKey(
    key: IdempotencyKey,
  ): Promise<{ readonly operationId: string; readonly target: SeatTarget } | undefined>;
  findTarget(target: SeatTarget): Promise<TargetState>;

  /** By id, at most `limit`; empty while there are none. */
  listHallSeats(request: SeatsRequest): Promise<readonly Seat[]>;
  listShowtimeSeats(request: SeatsRequest): Promise<readonly ShowtimeSeat[]>;
}
