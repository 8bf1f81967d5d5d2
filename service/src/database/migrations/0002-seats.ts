import { engineStatements } from './engine-statements.ts';
import type { Migration } from './migration.ts';

/**
 * Rows of seats have no foreign keys of their own: one statement makes them from the rows of the very tables that they
 * would refer to, nothing deletes those, and a hall or showtime that has seats is held by its row in the ledger. A key
 * for each seat doubles the time of a hall's 100,000 seats on PostgreSQL (0.30 s to 0.59 s), and multiplies that of a
 * showtime's by six (0.14 s to 0.86 s, with a third more WAL). The audit views show what a key would refuse.
 */
const tables = [
  `create table seats (
    id {identity},
    hall_id {bigint} not null,
    floor {name} not null,
    section {name} not null,
    "row" integer not null,
    seat integer not null,
    grade text not null,
    {unique_id_of_hall},
    unique (hall_id, floor, section, "row", seat)
  )`,
  `create table showtime_seats (
    showtime_id {bigint} not null,
    seat_id {bigint} not null,
    amount {bigint},
    primary key (showtime_id, seat_id)
  ) {clustered}`,
  // The ledger. That a row is there means done: nothing else does.
  `create table seat_creations (
    operation_id text primary key,
    hall_id {bigint} unique references halls (id),
    showtime_id {bigint} unique references showtimes (id),
    idempotency_scope text,
    idempotency_key text,
    seats integer not null,
    accepted_at {instant} not null,
    done_at {instant} not null,
    check ((hall_id is null) <> (showtime_id is null)),
    check ((idempotency_scope is null) = (idempotency_key is null)),
    unique (idempotency_scope, idempotency_key)
  )`,
  // Its target may not exist: that is one of the failures.
  `create table seat_creation_failures (
    operation_id text primary key,
    target_kind text not null check (target_kind in ('hall', 'showtime')),
    target_id {bigint} not null,
    idempotency_scope text,
    idempotency_key text,
    accepted_at {instant} not null,
    replays integer not null,
    failed_attempts integer not null,
    reason text not null,
    message text not null,
    failed_at {instant} not null,
    is_final integer not null check (is_final in (0, 1))
  )`,
  'create index seat_creation_failures_by_key on seat_creation_failures (idempotency_scope, idempotency_key)',
];

/** SQLite has no generate_series: 0 to 99,999, as many numbers as a hall can have rows, or seats in a row. */
const numbers = [
  'create table numbers (n integer primary key)',
  `with recursive counting (n) as (select 0 union all select n + 1 from counting where n < 99999)
   insert into numbers select n from counting`,
];

/**
 * For the lab's audits: one row for each operation that the database knows. What was accepted is known to the clients.
 * - `operation_id`
 * - `state`: `done`; `failing`, which may be tried again; `failed`, which will not be, unless it is replayed
 * - `target_kind`: `hall` or `showtime`; `target_id`
 * - `seats`: that it has created; 0 unless done
 * - `failed_attempts`, and `reason` of the last one: also of what was done in the end; 0 and null without any
 * - `accepted_at`; `ended_at`: when it was done, or has failed last
 */
const auditSeatCreations = `create view audit_seat_creations as
  select
    coalesce(done.operation_id, failing.operation_id) as operation_id,
    case when done.operation_id is not null then 'done' when failing.is_final = 1 then 'failed' else 'failing' end
      as state,
    case when done.hall_id is not null then 'hall' when done.showtime_id is not null then 'showtime'
      else failing.target_kind end as target_kind,
    coalesce(done.hall_id, done.showtime_id, failing.target_id) as target_id,
    coalesce(done.seats, 0) as seats,
    coalesce(failing.failed_attempts, 0) as failed_attempts,
    failing.reason,
    coalesce(done.accepted_at, failing.accepted_at) as accepted_at,
    coalesce(done.done_at, failing.failed_at) as ended_at
  from seat_creations as done
  full join seat_creation_failures as failing on failing.operation_id = done.operation_id`;

/** Of `audit_seat_creations` by `state`: `operations`, and the `seats` that they have created. */
const auditSeatCreationCounts = `create view audit_seat_creation_counts as
  select state, count(*) as operations, cast(sum(seats) as bigint) as seats from audit_seat_creations group by state`;

/**
 * One row for each hall, whether it has seats or not, and for each hall that is not there but has seats.
 * - `hall_id`
 * - `operation_id`: that has created its seats, or null
 * - `planned_seats`: of its seating plan; null when there is no such hall
 * - `expected_seats`: the planned ones when an operation was done, else 0; any other number of `seats` is a fault
 * - `seats`: rows that are there
 * - `duplicates`: rows beyond the first of the same floor, section, row and seat; counted, not inferred from the key
 */
const auditHallSeats = `create view audit_hall_seats as
  select hall_id, operation_id, planned_seats,
    case when operation_id is null then 0 else planned_seats end as expected_seats,
    seats,
    seats - different_seats as duplicates
  from (
    select
      known.hall_id,
      done.operation_id,
      halls.seats as planned_seats,
      (select count(*) from seats where seats.hall_id = known.hall_id) as seats,
      (select count(*) from (
        select distinct floor, section, "row", seat from seats where seats.hall_id = known.hall_id
      ) as different) as different_seats
    from (select id as hall_id from halls union select hall_id from seats) as known
    left join halls on halls.id = known.hall_id
    left join seat_creations as done on done.hall_id = known.hall_id
  ) as counted`;

/**
 * One row for each showtime, whether it has seats or not, and for each showtime that is not there but has seats.
 * - `showtime_id`; `hall_id`, null when there is no such showtime
 * - `operation_id`, `planned_seats`, `expected_seats`, `seats`, `duplicates`: as those of `audit_hall_seats`
 * - `strays`: rows whose seat is none of its hall's
 */
const auditShowtimeSeats = `create view audit_showtime_seats as
  select showtime_id, hall_id, operation_id, planned_seats,
    case when operation_id is null then 0 else planned_seats end as expected_seats,
    seats,
    seats - different_seats as duplicates,
    seats - hall_seats as strays
  from (
    select
      known.showtime_id,
      showtimes.hall_id,
      done.operation_id,
      halls.seats as planned_seats,
      (select count(*) from showtime_seats as own where own.showtime_id = known.showtime_id) as seats,
      (select count(distinct seat_id) from showtime_seats as own where own.showtime_id = known.showtime_id)
        as different_seats,
      (select count(*) from showtime_seats as own join seats on seats.hall_id = showtimes.hall_id and seats.id = seat_id
        where own.showtime_id = known.showtime_id) as hall_seats
    from (select id as showtime_id from showtimes union select showtime_id from showtime_seats) as known
    left join showtimes on showtimes.id = known.showtime_id
    left join halls on halls.id = showtimes.hall_id
    left join seat_creations as done on done.showtime_id = known.showtime_id
  ) as counted`;

const { postgres, sqlite } = engineStatements([
  ...tables,
  auditSeatCreations,
  auditSeatCreationCounts,
  auditHallSeats,
  auditShowtimeSeats,
]);

export const seatsMigration: Migration = {
  number: 2,
  name: 'seats',
  statements: { postgres, sqlite: [...numbers, ...sqlite] },
};
