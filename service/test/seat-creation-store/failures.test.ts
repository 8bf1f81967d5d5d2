import Sqlite from 'better-sqlite3';
import { CompiledQuery } from 'kysely';
import { describe, expect, it } from 'vitest';

import type { Database, QueryExecutor } from '../../src/database/database.ts';
import { classifySqlState } from '../../src/database/postgres/postgres-failure.ts';
import type { QueryName } from '../../src/database/query-name.ts';
import { createSeatCreationStore } from '../../src/database/seat-creation-store.ts';
import { classifySqliteCode } from '../../src/database/sqlite/sqlite-failure.ts';
import { DomainError } from '../../src/domain-error.ts';
import type { FailureKind, FailureReason } from '../../src/seat-creation/failure.ts';
import { engines } from '../database/database-under-test.ts';
import { blockPlan, jobFor, openStore, smallPlan, type StoreUnderTest } from './store-under-test.ts';

type Row = readonly [code: string, what: string, kind: FailureKind, reason: FailureReason];

/** PostgreSQL manual, appendix A. */
const sqlStates: readonly Row[] = [
  ['08000', 'connection_exception', 'transient', 'database-unavailable'],
  ['08006', 'connection_failure', 'transient', 'database-unavailable'],
  ['57P01', 'admin_shutdown', 'transient', 'database-unavailable'],
  ['57P02', 'crash_shutdown', 'transient', 'database-unavailable'],
  ['57P03', 'cannot_connect_now', 'transient', 'database-unavailable'],
  ['57P05', 'idle_session_timeout', 'transient', 'database-unavailable'],
  ['25P03', 'idle_in_transaction_session_timeout', 'transient', 'database-unavailable'],
  ['25006', 'read_only_sql_transaction', 'transient', 'database-unavailable'],
  ['3D000', 'invalid_catalog_name', 'transient', 'database-unavailable'],
  ['28P01', 'invalid_password', 'transient', 'database-unavailable'],
  ['40001', 'serialization_failure', 'transient', 'contention'],
  ['40003', 'statement_completion_unknown', 'transient', 'contention'],
  ['40P01', 'deadlock_detected', 'transient', 'contention'],
  ['55P03', 'lock_not_available', 'transient', 'contention'],
  ['55006', 'object_in_use', 'transient', 'contention'],
  ['53100', 'disk_full', 'transient', 'database-unavailable'],
  ['53200', 'out_of_memory', 'transient', 'database-unavailable'],
  ['53300', 'too_many_connections', 'transient', 'overloaded'],
  ['58030', 'io_error', 'transient', 'database-unavailable'],
  ['22001', 'string_data_right_truncation', 'permanent', 'constraint'],
  ['22003', 'numeric_value_out_of_range', 'permanent', 'constraint'],
  ['22P02', 'invalid_text_representation', 'permanent', 'constraint'],
  ['23502', 'not_null_violation', 'permanent', 'constraint'],
  ['23503', 'foreign_key_violation', 'permanent', 'constraint'],
  ['23505', 'unique_violation', 'permanent', 'constraint'],
  ['23514', 'check_violation', 'permanent', 'constraint'],
  ['08P01', 'protocol_violation', 'unclear', 'unexpected'],
  ['53400', 'configuration_limit_exceeded', 'unclear', 'unexpected'],
  ['57014', 'query_canceled', 'unclear', 'overloaded'],
  ['25P02', 'in_failed_sql_transaction', 'unclear', 'unexpected'],
  ['42501', 'insufficient_privilege', 'unclear', 'unexpected'],
  ['42P01', 'undefined_table', 'unclear', 'unexpected'],
  ['XX000', 'internal_error', 'unclear', 'unexpected'],
  ['', 'nothing', 'unclear', 'unexpected'],
];

/** SQLite manual, "Result and Error Codes". */
const sqliteCodes: readonly Row[] = [
  ['SQLITE_BUSY', 'lock of another connection', 'transient', 'contention'],
  ['SQLITE_BUSY_SNAPSHOT', 'its extended code', 'transient', 'contention'],
  ['SQLITE_LOCKED', 'lock of the same connection', 'transient', 'contention'],
  ['SQLITE_FULL', 'disk full', 'transient', 'database-unavailable'],
  ['SQLITE_IOERR_WRITE', 'disk failed', 'transient', 'database-unavailable'],
  ['SQLITE_CANTOPEN', 'file out of reach', 'transient', 'database-unavailable'],
  ['SQLITE_CORRUPT', 'file broken', 'transient', 'database-unavailable'],
  ['SQLITE_NOTADB', 'file of another kind', 'transient', 'database-unavailable'],
  ['SQLITE_NOMEM', 'no memory', 'transient', 'database-unavailable'],
  ['SQLITE_PERM', 'no access', 'transient', 'database-unavailable'],
  ['SQLITE_PROTOCOL', 'locking protocol', 'transient', 'database-unavailable'],
  ['SQLITE_READONLY_DBMOVED', 'file moved away', 'transient', 'database-unavailable'],
  ['SQLITE_CONSTRAINT', 'any constraint', 'permanent', 'constraint'],
  ['SQLITE_CONSTRAINT_UNIQUE', 'unique', 'permanent', 'constraint'],
  ['SQLITE_CONSTRAINT_FOREIGNKEY', 'foreign key', 'permanent', 'constraint'],
  ['SQLITE_MISMATCH', 'type', 'permanent', 'constraint'],
  ['SQLITE_TOOBIG', 'too long', 'permanent', 'constraint'],
  ['SQLITE_ERROR', 'no such table, malformed JSON', 'unclear', 'unexpected'],
  ['SQLITE_INTERRUPT', 'interrupted', 'unclear', 'unexpected'],
  ['SQLITE_MISUSE', 'our mistake', 'unclear', 'unexpected'],
  ['SQLITE_BUSYBODY', 'no code of SQLite', 'unclear', 'unexpected'],
];

describe('the kind of a failure', () => {
  it.each(sqlStates)('of SQLSTATE %s, %s, is %s: %s', (code, _what, kind, reason) => {
    expect(classifySqlState(code)).toEqual({ kind, reason });
  });

  it.each(sqliteCodes)('of %s, %s, is %s: %s', (code, _what, kind, reason) => {
    expect(classifySqliteCode(code)).toEqual({ kind, reason });
  });
});

/** The store over a database that does `before` in the transaction just before its statement `at`. */
function storeDisturbedAt(
  at: QueryName,
  { database }: StoreUnderTest,
  before: (transaction: QueryExecutor) => Promise<unknown>,
) {
  const disturbed: Database = {
    ...database,
    transaction: (name, work, options) =>
      database.transaction(
        name,
        (transaction) =>
          work({
            async execute(query, compiled) {
              if (query === at) await before(transaction);
              return transaction.execute(query, compiled);
            },
          }),
        options,
      ),
  };
  return createSeatCreationStore(disturbed);
}

const run = (executor: QueryExecutor, sql: string) =>
  executor.execute<Record<string, unknown>>('ping', CompiledQuery.raw(sql));

/** In the middle of the work: what must come of it, and that nothing of it is there. */
const disturbances: readonly {
  readonly engine: Database['engine'];
  readonly what: string;
  readonly disturb: (transaction: QueryExecutor, under: StoreUnderTest) => Promise<unknown>;
  readonly failure: { readonly kind: FailureKind; readonly reason: FailureReason };
}[] = [
  {
    engine: 'postgres',
    what: 'its connection is cut',
    disturb: (_, { database }) =>
      run(
        database,
        'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
      ),
    failure: { kind: 'transient', reason: 'database-unavailable' },
  },
  {
    engine: 'postgres',
    what: 'its statement takes too long',
    disturb: async (transaction) => {
      await run(transaction, 'set local statement_timeout = 20');
      await run(transaction, 'select pg_sleep(1)');
    },
    failure: { kind: 'unclear', reason: 'overloaded' },
  },
  {
    engine: 'postgres',
    what: 'somebody holds a lock for too long',
    disturb: async (transaction, { database }) => {
      await run(transaction, "set local lock_timeout = '20ms'");
      await database.transaction('create-venue', async (other) => {
        await run(other, 'lock table hall_grades in access exclusive mode');
        await run(transaction, 'select count(*) from hall_grades');
      });
    },
    failure: { kind: 'transient', reason: 'contention' },
  },
  {
    engine: 'sqlite',
    what: 'the disk is full',
    disturb: (transaction) => run(transaction, 'pragma max_page_count = 1'),
    failure: { kind: 'transient', reason: 'database-unavailable' },
  },
  {
    engine: 'sqlite',
    what: 'there is a mistake in a statement',
    disturb: (transaction) => run(transaction, 'select * from nothing'),
    failure: { kind: 'unclear', reason: 'unexpected' },
  },
  {
    engine: 'postgres',
    what: 'there is a mistake in a statement',
    disturb: (transaction) => run(transaction, 'select * from nothing'),
    failure: { kind: 'unclear', reason: 'unexpected' },
  },
  {
    engine: 'postgres',
    what: 'the program has a mistake',
    disturb: () => Promise.reject(new TypeError('undefined is not a seat')),
    failure: { kind: 'unclear', reason: 'unexpected' },
  },
];

describe('a transaction that fails', () => {
  it.each(disturbances)('says why, leaves nothing, and may be done again: $what ($engine)', async (disturbance) => {
    const { engine, disturb, failure } = disturbance;
    const under = await openStore(engine);
    const hall = await under.createHall(blockPlan(50, 100));
    const job = jobFor(hall);
    const disturbed = storeDisturbedAt('insert-hall-seats', under, (transaction) => disturb(transaction, under));
    expect(await disturbed.createSeats([job])).toMatchObject({ outcome: 'failed', failure });
    expect(await under.query('select 1 from seats union all select 1 from seat_creations')).toEqual([]);
    expect(await under.store.findTarget(hall)).toMatchObject({ doneBy: undefined });
    if (disturbance.what === 'the disk is full') await under.write('pragma max_page_count = 1000000');
    expect(await under.create(job)).toMatchObject([{ result: 'created', seats: 5_000 }]);
    await under.remove();
  });

  it('holds up nobody for long when its process is stopped in the middle, and sees it done when it goes on', async () => {
    const under = await openStore('postgres', { connections: 3 });
    const hall = await under.createHall(smallPlan);
    const job = jobFor(hall);
    let stopped = () => {};
    const inTheMiddle = new Promise<void>((resolve) => (stopped = resolve));
    let goOn = () => {};
    const zombie = storeDisturbedAt('insert-hall-seats', under, async (transaction) => {
      // 10 s otherwise.
      await run(transaction, "set local idle_in_transaction_session_timeout = '300ms'");
      stopped();
      await new Promise<void>((resolve) => (goOn = resolve));
    });
    const interrupted = zombie.createSeats([job]);
    await inTheMiddle;
    const started = performance.now();
    expect(await under.create(job)).toMatchObject([{ result: 'created' }]);
    // The control: it did wait for the other's row in the ledger.
    expect(performance.now() - started).toBeGreaterThan(200);
    goOn();
    expect(await interrupted).toMatchObject({ outcome: 'failed', failure: { kind: 'transient' } });
    expect(await under.create(job)).toMatchObject([{ result: 'already-done', seats: 12 }]);
    await under.remove();
  });

  it.each(engines)(
    'is transient when only the answer to its commit was lost: then it is done, on %s',
    async (engine) => {
      const under = await openStore(engine);
      const hall = await under.createHall(smallPlan);
      const { database } = under;
      const lost = new DomainError('database-unavailable', 'the connection was lost at the commit');
      const store = createSeatCreationStore({
        ...database,
        transaction: async (name, work, options) => {
          await database.transaction(name, work, options);
          throw lost;
        },
      });
      const job = jobFor(hall);
      expect(await store.createSeats([job])).toMatchObject({
        outcome: 'failed',
        failure: { kind: 'transient', reason: 'database-unavailable' },
        cause: lost,
      });
      expect(await under.create(job)).toMatchObject([{ result: 'already-done', seats: 12 }]);
      await under.remove();
    },
  );

  it('is transient while another process holds the lock of SQLite', async () => {
    const under = await openStore('sqlite', { acquireTimeoutMs: 1_000 });
    const hall = await under.createHall(smallPlan);
    if (under.options.engine !== 'sqlite') throw new Error('unreachable');
    const other = new Sqlite(under.options.file);
    other.exec('begin immediate');
    const outcome = await under.store.createSeats([jobFor(hall)]);
    expect(outcome).toMatchObject({ outcome: 'failed', failure: { kind: 'transient', reason: 'contention' } });
    other.exec('rollback');
    other.close();
    expect(await under.create(jobFor(hall))).toMatchObject([{ result: 'created' }]);
    await under.remove();
  });

  it.each(engines)('is transient when no connection comes free in time, on %s', async (engine) => {
    const under = await openStore(engine, { connections: 1, acquireTimeoutMs: 1_000 });
    const hall = await under.createHall(smallPlan);
    await under.database.transaction('create-venue', async () => {
      const outcome = await under.store.createSeats([jobFor(hall)]);
      expect(outcome).toMatchObject({ outcome: 'failed', failure: { kind: 'transient', reason: 'overloaded' } });
    });
    await under.remove();
  });
});
