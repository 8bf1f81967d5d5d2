/**
 * Why a job was not done.
 * - `transient`: not the job's fault (connection lost, shutdown, lock, deadlock, serialization, disk full, too many
 *   connections, no connection free in time). Nothing is known to be wrong with it: whoever runs jobs waits, and counts
 *   no attempt.
 * - `permanent`: it will never succeed (constraint, unknown hall, another job's seats). Dead letter at once.
 * - `unclear`: anything else (a statement that took too long, a hall that has no seats yet, what nobody expected). A
 *   limited number of attempts.
 */
export type FailureKind = 'transient' | 'permanent' | 'unclear';

/** Labels of metrics and reasons of dead letters: few, stable, never a value. */
export const failureReasons = [
  'database-unavailable',
  'overloaded',
  'hall-not-found',
  'showtime-not-found',
  /** Another operation has created this hall's or showtime's seats. */
  'seats-exist',
  /** A showtime's seats are its hall's, which has none yet. */
  'hall-without-seats',
  /** The number of rows written is not the plan's. */
  'count-differs',
  'constraint',
  'contention',
  'unexpected',
  /** The queue's own: the entry is no job that this program can read. */
  'unreadable',
  /** The queue's own: its consumers keep dying. */
  'deliveries-exhausted',
] as const;
export type FailureReason = (typeof failureReasons)[number];

export interface SeatCreationFailure<Kind extends FailureKind = FailureKind> {
  readonly kind: Kind;
  readonly reason: FailureReason;
  /** For people: what happened, with which value. No secrets. */
  readonly message: string;
}
