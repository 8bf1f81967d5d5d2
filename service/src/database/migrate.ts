import { CompiledQuery } from 'kysely';

import type { Database, QueryExecutor } from './database.ts';
import { dialects } from './dialect.ts';
import { catalogMigration } from './migrations/0001-catalog.ts';
import { seatsMigration } from './migrations/0002-seats.ts';
import type { Migration } from './migrations/migration.ts';

const migrations: readonly Migration[] = [catalogMigration, seatsMigration];
/** Any number that nobody else locks: "tick" in ASCII. */
const advisoryLock = 0x7469636b;

/**
 * Brings the schema up to date, in one transaction that any number of processes may start at the same time:
 * PostgreSQL queues them by an advisory lock, SQLite by its writer's. An index on a large table takes its time, so no
 * statement is given up. Returns the numbers that it applied. Rejects when the database was migrated by a newer program.
 */
export function migrate(database: Database): Promise<readonly number[]> {
  return database.transaction('migrate-schema', (transaction) => applyPending(database.engine, transaction), {
    statementTimeoutMs: Infinity,
  });
}

async function applyPending(engine: Database['engine'], transaction: QueryExecutor): Promise<readonly number[]> {
  if (engine === 'postgres') {
    await transaction.execute('migrate', CompiledQuery.raw(`select pg_advisory_xact_lock(${advisoryLock})`));
  }
  const applied = await appliedMigrations(engine, transaction);
  const newest = migrations.at(-1)?.number ?? 0;
  const unknown = applied.filter((number) => number > newest);
  if (unknown.length > 0) {
    throw new Error(
      `the database has migration ${unknown.join(', ')} and this program knows ${newest} at most: run the newer program`,
    );
  }
  const pending = migrations.filter(({ number }) => !applied.includes(number));
  for (const migration of pending) await apply(migration, engine, transaction);
  return pending.map(({ number }) => number);
}

async function appliedMigrations(engine: Database['engine'], transaction: QueryExecutor): Promise<number[]> {
  const instant = engine === 'postgres' ? 'timestamptz' : 'text';
  await transaction.execute(
    'migrate',
    CompiledQuery.raw(
      `create table if not exists schema_migrations
         (number integer primary key, name text not null, applied_at ${instant} not null default current_timestamp)`,
    ),
  );
  const rows = await transaction.execute(
    'migrate',
    dialects[engine].build.selectFrom('schema_migrations').select('number').compile(),
  );
  return rows.map(({ number }) => number);
}

async function apply({ number, name, statements }: Migration, engine: Database['engine'], transaction: QueryExecutor) {
  for (const statement of statements[engine]) await transaction.execute('migrate', CompiledQuery.raw(statement));
  const { build } = dialects[engine];
  await transaction.execute('migrate', build.insertInto('schema_migrations').values({ number, name }).compile());
}
