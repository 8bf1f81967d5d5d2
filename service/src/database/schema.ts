import type { ColumnType, Generated } from 'kysely';

import type { Genre } from '../catalog/model.ts';

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
  readonly schema_migrations: {
    readonly number: number;
    readonly name: string;
    readonly applied_at: Generated<Instant>;
  };
}
