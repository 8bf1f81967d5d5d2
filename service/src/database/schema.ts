import type { ColumnType, Generated } from 'kysely';

import type { Genre } from '../catalog/model.ts';
import type { FailureReason } from '../seat-creation/failure.ts';

/** ISO text in SQLite, timestamptz in PostgreSQL: an ISO instant on the way in and on the way out. */
type Instant = string;
type Id = ColumnType<number, number | undefined, never>;

export interface Schema {
  readonly venues: { readonly id: Id; readonly name: string; readonly city: string };
  readonly halls: {
    readonly id: Id;
    readonly venue_id: number;
    readonly name: string;
    /** JSON. */
    readonly seating_plan: string;
    readonly seats: number;
  };
  /** The hall's seats by grade, counted from its plan when it is created. `position`: the plan's order. */
  readonly hall_grades: {
    readonly hall_id: number;
    readonly grade: string;
    readonly seats: number;
    readonly position: number;
  };
  readonly performances: {
    readonly id: Id;
    readonly title: string;
    readonly introduction: string;
    readonly genre: Genre;
    readonly period_from: string;
    readonly period_to: string;
  };
  readonly prices: {
    readonly performance_id: number;
    readonly grade: string;
    readonly amount: number;
    readonly position: number;
  };
  readonly showtimes: {
    readonly id: Id;
    readonly performance_id: number;
    readonly hall_id: number;
    readonly starts_at: Instant;
  };
  readonly seats: {
    readonly id: Id;
    readonly hall_id: number;
    readonly floor: string;
    readonly section: string;
    readonly row: number;
    readonly seat: number;
    readonly grade: string;
  };
  /** `amount`: of the seat's grade when the seats were created. */
  readonly showtime_seats: { readonly showtime_id: number; readonly seat_id: number; readonly amount: number | null };
  /** The ledger: a row means done, and one of `hall_id` and `showtime_id` is there. */
  readonly seat_creations: {
    readonly operation_id: string;
    readonly hall_id: number | null;
    readonly showtime_id: number | null;
    readonly idempotency_scope: string | null;
    readonly idempotency_key: string | null;
    readonly seats: number;
    readonly accepted_at: Instant;
    readonly done_at: Instant;
  };
  /** Failed attempts, one row an operation: it says nothing about done. */
  readonly seat_creation_failures: {
    readonly operation_id: string;
    readonly target_kind: 'hall' | 'showtime';
    readonly target_id: number;
    readonly idempotency_scope: string | null;
    readonly idempotency_key: string | null;
    readonly accepted_at: Instant;
    readonly replays: number;
    readonly failed_attempts: number;
    readonly reason: FailureReason;
    readonly message: string;
    readonly failed_at: Instant;
    /** 1: nobody tries again by himself; 0. */
    readonly is_final: number;
  };
  readonly schema_migrations: {
    readonly number: number;
    readonly name: string;
    readonly applied_at: Generated<Instant>;
  };
}
