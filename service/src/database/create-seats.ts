import { sql } from 'kysely';

import type { Genre } from '../catalog/model.ts';
import type { SeatCreationFailure } from '../seat-creation/failure.ts';
import type { SeatCreationJob, SeatTarget } from '../seat-creation/job.ts';
import type { CreateSeatsOutcome, JobResult } from '../seat-creation/seat-creation-store.ts';
import type { Database, QueryExecutor } from './database.ts';
import { dialects } from './dialect.ts';
import { SeatCreationRollback, seatCreationFailure } from './seat-creation-failure.ts';
import { insertHallSeats, insertShowtimeSeats, setWords } from './seat-sets.ts';

/** A hall's 100,000 seats take 0.4 s here; a machine that is slow, busy and swapping is not a reason to give up. */
const statementTimeoutMs = 120_000;

type Engine = Database['engine'];

/**
 * One transaction for all jobs, in five statements whatever their number, and all or nothing: a savepoint around each
 * job would cost two round trips and a subtransaction a job, would still fail as a whole at the commit, and would keep
 * the locks of good jobs while a bad one is tried. So a batch that fails is rolled back, and its jobs may be given one
 * by one, each in a transaction of its own. What can be foreseen (no such hall, seats there already) fails no batch.
 */
export async function createSeats(database: Database, jobs: readonly SeatCreationJob[]): Promise<CreateSeatsOutcome> {
  const { engine } = database;
  try {
    const results = await database.transaction('create-seats', (transaction) => createAll(transaction, engine, jobs), {
      statementTimeoutMs,
    });
    return { outcome: 'committed', results };
  } catch (error) {
    return { outcome: 'failed', failure: seatCreationFailure(engine, error), cause: error };
  }
}

async function createAll(
  transaction: QueryExecutor,
  engine: Engine,
  jobs: readonly SeatCreationJob[],
): Promise<readonly JobResult[]> {
  const created = new Set<string>();
  // Halls first: the seats of a showtime are its hall's.
  for (const kind of ['hall', 'showtime'] as const) {
    const ofKind = jobs.filter(({ target }) => target.kind === kind);
    const recorded = await recordDone(transaction, engine, ofKind);
    for (const { operationId } of recorded) created.add(operationId);
    await insertSeats(transaction, engine, { kind, targetIds: recorded.map(({ target }) => target.id) });
  }
  const reviews = await reviewJobs(transaction, engine, jobs);
  return jobs.map((job) => resultOf(job, reviews.get(job.operationId), created.has(job.operationId)));
}

/**
 * The step that decides: the ledger's row of each job whose target is there, with seats to be had (a showtime's are
 * those that its hall's row in the ledger counts), and is nobody else's yet. It waits for whoever is about to write the
 * same rows, in one order for all (halls, showtimes, each by id), so that no two transactions wait for each other.
 * Returns the jobs that this transaction does.
 */
async function recordDone(
  transaction: QueryExecutor,
  engine: Engine,
  jobs: readonly SeatCreationJob[],
): Promise<readonly SeatCreationJob[]> {
  if (jobs.length === 0) return [];
  const words = setWords[engine];
  const query = sql<{ readonly operation_id: string }>`
    insert into seat_creations (
      operation_id, hall_id, showtime_id, idempotency_scope, idempotency_key, seats, accepted_at, done_at
    )
    select operation_id, hall_id, showtime_id, idempotency_scope, idempotency_key, seats, accepted_at, ${words.now}
    from (
      select job.*, case when job.hall_id is not null
        then (select seats from halls where halls.id = job.hall_id)
        else (select seats from seat_creations as of_hall where of_hall.hall_id =
          (select hall_id from showtimes where showtimes.id = job.showtime_id))
        end as seats
      from ${words.jobs(jobs)}
    ) as possible
    where seats is not null
    order by hall_id, showtime_id
    on conflict do nothing
    returning operation_id`;
  const rows = await transaction.execute('record-seat-creations', query.compile(dialects[engine].build));
  const recorded = new Set(rows.map(({ operation_id }) => operation_id));
  return jobs.filter(({ operationId }) => recorded.has(operationId));
}

async function insertSeats(
  transaction: QueryExecutor,
  engine: Engine,
  { kind, targetIds }: { readonly kind: SeatTarget['kind']; readonly targetIds: readonly number[] },
): Promise<void> {
  if (targetIds.length === 0) return;
  const { build } = dialects[engine];
  if (kind === 'hall') {
    await transaction.execute('insert-hall-seats', insertHallSeats(engine, targetIds).compile(build));
  } else {
    await transaction.execute('insert-showtime-seats', insertShowtimeSeats(engine, targetIds).compile(build));
  }
}

/**
 * What the database says about a job when all has been written. Here and in the ledger each job looks its rows up by
 * scalar subqueries: a join of a batch may become a hash of all halls there are.
 */
interface Review {
  readonly operation_id: string;
  /** Of the hall's plan; `null`: there is no such hall or showtime. */
  readonly planned: number | null;
  /** Rows of the target's seats. */
  readonly stored: number;
  readonly own_hall_id: number | null;
  readonly own_showtime_id: number | null;
  /** Operations of the ledger: for this target, with this key, for the showtime's hall. */
  readonly target_done_by: string | null;
  readonly key_used_by: string | null;
  readonly hall_done_by: string | null;
  readonly performance_id: number | null;
  readonly genre: Genre | null;
}

async function reviewJobs(
  transaction: QueryExecutor,
  engine: Engine,
  jobs: readonly SeatCreationJob[],
): Promise<ReadonlyMap<string, Review>> {
  const query = sql<Review>`
    select operation_id, performance_id,
      (select seats from halls where halls.id = any_hall_id) as planned,
      case when hall_id is null
        then (select count(*) from showtime_seats where showtime_seats.showtime_id = job.showtime_id)
        else (select count(*) from seats where seats.hall_id = job.hall_id) end as stored,
      (select hall_id from seat_creations as own where own.operation_id = job.operation_id) as own_hall_id,
      (select showtime_id from seat_creations as own where own.operation_id = job.operation_id) as own_showtime_id,
      coalesce(
        (select operation_id from seat_creations as done where done.hall_id = job.hall_id),
        (select operation_id from seat_creations as done where done.showtime_id = job.showtime_id)
      ) as target_done_by,
      (select operation_id from seat_creations as done
        where done.idempotency_scope = job.idempotency_scope and done.idempotency_key = job.idempotency_key
      ) as key_used_by,
      (select operation_id from seat_creations as done where done.hall_id = any_hall_id) as hall_done_by,
      (select genre from performances where performances.id = performance_id) as genre
    from (
      select job.*,
        coalesce(job.hall_id, (select hall_id from showtimes where showtimes.id = job.showtime_id)) as any_hall_id,
        (select performance_id from showtimes where showtimes.id = job.showtime_id) as performance_id
      from ${setWords[engine].jobs(jobs)}
    ) as job`;
  const rows = await transaction.execute('review-seat-creations', query.compile(dialects[engine].build));
  return new Map(rows.map((row) => [row.operation_id, row]));
}

/** Throws, which rolls all back, when a job of this transaction has not as many seats as its plan. */
function resultOf(job: SeatCreationJob, review: Review | undefined, created: boolean): JobResult {
  const { operationId, target } = job;
  if (review === undefined) throw new Error(`the review has no row for operation ${operationId}`);
  const { planned, stored, performance_id: performanceId, genre } = review;
  const changed = performanceId === null || genre === null ? [] : [{ performanceId, genres: [genre] }];
  if (created && stored !== planned) throw countDiffers(target, review);
  if (created) return { result: 'created', seats: stored, changed };
  const ownTargetId = target.kind === 'hall' ? review.own_hall_id : review.own_showtime_id;
  if (ownTargetId === target.id) return { result: 'already-done', seats: stored, changed };
  return { result: 'refused', failure: refusalOf(job, review) };
}

function refusalOf(
  { operationId, target: { kind, id }, idempotencyKey }: SeatCreationJob,
  review: Review,
): SeatCreationFailure<'permanent' | 'unclear'> {
  const own = review.own_hall_id ?? review.own_showtime_id;
  const message = (text: string) => `${kind} ${id}: ${text}`;
  if (review.planned === null) {
    return { kind: 'permanent', reason: `${kind}-not-found`, message: message(`there is no such ${kind}`) };
  }
  if (own !== null) {
    const other = review.own_hall_id === null ? `showtime ${own}` : `hall ${own}`;
    return { kind: 'permanent', reason: 'constraint', message: message(`operation ${operationId} has done ${other}`) };
  }
  if (review.target_done_by !== null) {
    const text = `its seats were created by operation ${review.target_done_by}`;
    return { kind: 'permanent', reason: 'seats-exist', message: message(text) };
  }
  if (review.key_used_by !== null) {
    const text = `Idempotency-Key "${idempotencyKey?.key}" belongs to operation ${review.key_used_by}`;
    return { kind: 'permanent', reason: 'constraint', message: message(text) };
  }
  if (kind === 'showtime' && review.hall_done_by === null) {
    return { kind: 'unclear', reason: 'hall-without-seats', message: message('its hall has no seats yet') };
  }
  // Whatever stood in the way a moment ago is there no more, such as a hall that had no seats.
  return { kind: 'unclear', reason: 'contention', message: message('it could be created now') };
}

function countDiffers({ kind, id }: SeatTarget, { stored, planned }: Review): SeatCreationRollback {
  const message = `${kind} ${id}: there would be ${stored} seats, and its plan has ${planned}`;
  return new SeatCreationRollback({ kind: 'permanent', reason: 'count-differs', message });
}
