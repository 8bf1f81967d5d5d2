import { type RawBuilder, sql } from 'kysely';

import type { SeatCreationJob } from '../seat-creation/job.ts';
import type { Database } from './database.ts';

/** What the engines do not say in the same words about JSON, sets of numbers and the time. */
interface SetWords {
  /** In FROM: the jobs, as `job`. */
  readonly jobs: (jobs: readonly SeatCreationJob[]) => RawBuilder<unknown>;
  /** After a column: is one of these. */
  readonly isOneOf: (ids: readonly number[]) => RawBuilder<unknown>;
  /** In FROM: an array's elements, as `<name>.value`. */
  readonly elements: (array: RawBuilder<unknown>, name: string) => RawBuilder<unknown>;
  /** In FROM: 0 to `last`, as `<name>.n`. */
  readonly count: (name: string, last: RawBuilder<unknown>) => RawBuilder<unknown>;
  readonly now: RawBuilder<unknown>;
}

const postgres: SetWords = {
  jobs: (jobs) => sql`json_to_recordset(${jobRows(jobs)}::json) as job (
    operation_id text, hall_id bigint, showtime_id bigint, idempotency_scope text, idempotency_key text,
    accepted_at timestamptz
  )`,
  isOneOf: (ids) => sql`= any (${ids}::bigint[])`,
  elements: (array, name) => sql`cross join json_array_elements(${array}) as ${sql.ref(name)} (value)`,
  count: (name, last) => sql`cross join generate_series(0, ${last}) as ${sql.ref(name)} (n)`,
  now: sql`clock_timestamp()`,
};

const sqlite: SetWords = {
  jobs: (jobs) => sql`(
    select value ->> 'operation_id' as operation_id, value ->> 'hall_id' as hall_id,
      value ->> 'showtime_id' as showtime_id, value ->> 'idempotency_scope' as idempotency_scope,
      value ->> 'idempotency_key' as idempotency_key, value ->> 'accepted_at' as accepted_at
    from json_each(${jobRows(jobs)})
  ) as job`,
  isOneOf: (ids) => sql`in (select value from json_each(${JSON.stringify(ids)}))`,
  elements: (array, name) => sql`cross join json_each(${array}) as ${sql.ref(name)}`,
  count: (name, last) => sql`cross join numbers as ${sql.ref(name)} on ${sql.ref(`${name}.n`)} <= ${last}`,
  now: sql`strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`,
};

export const setWords: Readonly<Record<Database['engine'], SetWords>> = { postgres, sqlite };

function jobRows(jobs: readonly SeatCreationJob[]): string {
  return JSON.stringify(
    jobs.map(({ operationId, target, idempotencyKey, acceptedAt }) => ({
      operation_id: operationId,
      hall_id: target.kind === 'hall' ? target.id : null,
      showtime_id: target.kind === 'showtime' ? target.id : null,
      idempotency_scope: idempotencyKey?.scope ?? null,
      idempotency_key: idempotencyKey?.key ?? null,
      accepted_at: acceptedAt,
    })),
  );
}

/**
 * Every seat of the halls' plans, from the ranges to rows without leaving the database. Each level is materialised:
 * otherwise a section's name would be looked for in the JSON of all of its blocks once for each block.
 */
export function insertHallSeats(engine: Database['engine'], hallIds: readonly number[]): RawBuilder<never> {
  const { isOneOf, elements, count } = setWords[engine];
  return sql`
    with floors as materialized (
      select halls.id as hall_id, floor.value ->> 'name' as floor, floor.value -> 'sections' as sections
      from halls ${elements(sql`halls.seating_plan -> 'floors'`, 'floor')}
      where halls.id ${isOneOf(hallIds)}
    ), sections as materialized (
      select hall_id, floor, section.value ->> 'name' as section, section.value ->> 'grade' as grade,
        section.value -> 'blocks' as blocks
      from floors ${elements(sql`floors.sections`, 'section')}
    ), blocks as materialized (
      select hall_id, floor, section, grade,
        cast(block.value -> 'rows' ->> 'from' as integer) as first_row,
        cast(block.value -> 'rows' ->> 'to' as integer) as last_row,
        cast(block.value -> 'seats' ->> 'from' as integer) as first_seat,
        cast(block.value -> 'seats' ->> 'to' as integer) as last_seat
      from sections ${elements(sql`sections.blocks`, 'block')}
    )
    insert into seats (hall_id, floor, section, "row", seat, grade)
    select hall_id, floor, section, first_row + behind_row.n, first_seat + behind_seat.n, grade
    from blocks ${count('behind_row', sql`last_row - first_row`)} ${count('behind_seat', sql`last_seat - first_seat`)}`;
}

/**
 * All seats of each showtime's hall, with the price of their grade when the performance has one. Each showtime reads
 * its hall's part of an index: CROSS JOIN means that to SQLite; PostgreSQL does not flatten a LATERAL query that has
 * an order, while a plain join may become a hash join over the seats of all halls, above all without statistics.
 */
export function insertShowtimeSeats(engine: Database['engine'], showtimeIds: readonly number[]): RawBuilder<never> {
  const target = sql`insert into showtime_seats (showtime_id, seat_id, amount)`;
  const prices = sql`prices on prices.performance_id = showtimes.performance_id and prices.grade = seats.grade`;
  const isChosen = sql`showtimes.id ${setWords[engine].isOneOf(showtimeIds)}`;
  return engine === 'postgres'
    ? sql`${target}
        select showtimes.id, seat.id, seat.amount
        from showtimes cross join lateral (
          select seats.id, prices.amount from seats left join ${prices}
          where seats.hall_id = showtimes.hall_id order by seats.id
        ) as seat
        where ${isChosen}`
    : sql`${target}
        select showtimes.id, seats.id, prices.amount
        from showtimes cross join seats on seats.hall_id = showtimes.hall_id left join ${prices}
        where ${isChosen} order by showtimes.id, seats.id`;
}
