import { sql } from 'kysely';

import type { FailureReason, SeatCreationFailure } from '../seat-creation/failure.ts';
import type { IdempotencyKey, SeatCreationJob, SeatTarget } from '../seat-creation/job.ts';
import type { RecordedOperation, TargetState } from '../seat-creation/seat-creation-store.ts';
import type { Database } from './database.ts';
import { dialects } from './dialect.ts';

/** Counted in one statement, so that two who fail at once count as two. Answers with the attempts since `replays`. */
export async function recordFailure(
  database: Database,
  job: SeatCreationJob,
  failure: SeatCreationFailure,
  { failedAt, isFinal }: { readonly failedAt: string; readonly isFinal: boolean },
): Promise<{ readonly failedAttempts: number }> {
  const { operationId, target, idempotencyKey, acceptedAt, replays } = job;
  const { build } = dialects[database.engine];
  const row = {
    operation_id: operationId,
    target_kind: target.kind,
    target_id: target.id,
    idempotency_scope: idempotencyKey?.scope ?? null,
    idempotency_key: idempotencyKey?.key ?? null,
    accepted_at: acceptedAt,
    replays,
    failed_attempts: 1,
    reason: failure.reason,
    message: failure.message,
    failed_at: failedAt,
    is_final: isFinal ? 1 : 0,
  };
  const query = build
    .insertInto('seat_creation_failures')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('operation_id').doUpdateSet({
        // Never back: a consumer that was stopped before the replay may fail after it.
        replays: sql<number>`case when excluded.replays > seat_creation_failures.replays then excluded.replays
          else seat_creation_failures.replays end`,
        failed_attempts: sql<number>`case when excluded.replays > seat_creation_failures.replays then 1
          else seat_creation_failures.failed_attempts + 1 end`,
        reason: (columns) => columns.ref('excluded.reason'),
        message: (columns) => columns.ref('excluded.message'),
        failed_at: (columns) => columns.ref('excluded.failed_at'),
        is_final: (columns) => columns.ref('excluded.is_final'),
      }),
    )
    .returning('failed_attempts');
  const rows = await database.transaction('record-failure', (transaction) =>
    transaction.execute('record-seat-creation-failure', query.compile()),
  );
  return { failedAttempts: rows[0]?.failed_attempts ?? 1 };
}

interface OperationRow {
  readonly target_kind: SeatTarget['kind'];
  readonly target_id: number;
  readonly accepted_at: string;
  readonly seats: number | null;
  readonly done_at: string | null;
  readonly failed_attempts: number | null;
  readonly reason: FailureReason | null;
  readonly message: string | null;
  readonly failed_at: string | null;
  readonly is_final: number | null;
}

/** Ledger and failures in one statement, and so of one moment. */
export async function findOperation(database: Database, operationId: string): Promise<RecordedOperation | undefined> {
  const query = sql<OperationRow>`
    select
      case when done.hall_id is not null then 'hall' when done.showtime_id is not null then 'showtime'
        else failing.target_kind end as target_kind,
      coalesce(done.hall_id, done.showtime_id, failing.target_id) as target_id,
      coalesce(done.accepted_at, failing.accepted_at) as accepted_at,
      done.seats, done.done_at,
      failing.failed_attempts, failing.reason, failing.message, failing.failed_at, failing.is_final
    from (select * from seat_creations where operation_id = ${operationId}) as done
    full join (select * from seat_creation_failures where operation_id = ${operationId}) as failing
      on failing.operation_id = done.operation_id`;
  const [row] = await database.execute('find-seat-creation', query.compile(dialects[database.engine].build));
  const state = row && stateOf(row);
  if (row === undefined || state === undefined) return undefined;
  const { target_kind: kind, target_id: id, accepted_at: acceptedAt, failed_attempts: failedAttempts } = row;
  return { operationId, target: { kind, id }, acceptedAt, failedAttempts: failedAttempts ?? 0, state };
}

/** Done wins over failing. */
function stateOf(row: OperationRow): RecordedOperation['state'] | undefined {
  const { seats, done_at: doneAt, reason, message, failed_at: failedAt } = row;
  if (seats !== null && doneAt !== null) return { name: 'done', seats, doneAt };
  if (reason === null || message === null || failedAt === null) return undefined;
  return { name: 'failing', failure: { reason, message }, failedAt, isFinal: row.is_final === 1 };
}

interface KeyRow {
  readonly operation_id: string;
  readonly target_kind: SeatTarget['kind'];
  readonly target_id: number;
}

/** The ledger's word, which is the only one with this key; or else that of the job which has failed last. */
export async function findByIdempotencyKey(
  database: Database,
  { scope, key }: IdempotencyKey,
): Promise<{ readonly operationId: string; readonly target: SeatTarget } | undefined> {
  const query = sql<KeyRow>`
    select operation_id, target_kind, target_id from (
      select 0 as place, operation_id, case when hall_id is null then 'showtime' else 'hall' end as target_kind,
        coalesce(hall_id, showtime_id) as target_id, done_at as at
      from seat_creations where idempotency_scope = ${scope} and idempotency_key = ${key}
      union all
      select 1, operation_id, target_kind, target_id, failed_at
      from seat_creation_failures where idempotency_scope = ${scope} and idempotency_key = ${key}
    ) as known order by place, at desc limit 1`;
  const [row] = await database.execute('find-seat-creation-by-key', query.compile(dialects[database.engine].build));
  return row && { operationId: row.operation_id, target: { kind: row.target_kind, id: row.target_id } };
}

export async function findTarget(database: Database, { kind, id }: SeatTarget): Promise<TargetState> {
  const { build } = dialects[database.engine];
  const query =
    kind === 'hall'
      ? build
          .selectFrom('halls')
          .leftJoin('seat_creations', 'seat_creations.hall_id', 'halls.id')
          .where('halls.id', '=', id)
      : build
          .selectFrom('halls')
          .innerJoin('showtimes', 'showtimes.hall_id', 'halls.id')
          .leftJoin('seat_creations', 'seat_creations.showtime_id', 'showtimes.id')
          .where('showtimes.id', '=', id);
  const [row] = await database.execute(
    'find-seat-target',
    query.select(['halls.seats as planned', 'seat_creations.operation_id']).compile(),
  );
  if (row === undefined) return { exists: false };
  return { exists: true, plannedSeats: row.planned, doneBy: row.operation_id ?? undefined };
}
