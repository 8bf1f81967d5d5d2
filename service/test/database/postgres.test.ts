import { setTimeout as sleep } from 'node:timers/promises';

import { CompiledQuery } from 'kysely';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import { createDatabase } from '../../src/database/create-database.ts';
import { createDatabaseMetrics } from '../../src/database/database-metrics.ts';
import type { QueryExecutor } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { DomainError } from '../../src/domain-error.ts';
import { openDatabase } from './database-under-test.ts';
import { startPostgresProxy } from './postgres-proxy.ts';

const run = (executor: QueryExecutor, sql: string, ...parameters: unknown[]) =>
  executor.execute<Record<string, unknown>>('ping', CompiledQuery.raw(sql, parameters));

const insertVenue = (executor: QueryExecutor) => run(executor, "insert into venues (name, city) values ('a', 'b')");

/** A migrated database with one connection to it, which goes through a proxy. */
async function openThroughProxy({ statementTimeoutMs = 30_000 } = {}) {
  const under = await openDatabase('postgres');
  await migrate(under.database);
  if (under.options.engine !== 'postgres') throw new Error('unreachable');
  const proxy = await startPostgresProxy(under.options.connectionString);
  const database = createDatabase(
    { ...under.options, connectionString: proxy.connectionString, poolSize: 1, statementTimeoutMs },
    { metrics: createDatabaseMetrics(new Registry()), logger: { warn() {} } },
  );
  await database.ping();
  return {
    proxy,
    database,
    venues: async () => (await run(under.database, 'select id from venues')).length,
    async remove() {
      await database.close();
      await proxy.close();
      await under.remove();
    },
  };
}

describe('PostgreSQL', () => {
  const terminateOthers =
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()';

  it('rejects what a closed connection was doing with database-unavailable, rolls it back, and recovers', async () => {
    const under = await openDatabase('postgres', { connections: 2 });
    const { database } = under;
    await migrate(database);
    const cut = database.transaction('create-venue', async (transaction) => {
      await run(transaction, "insert into venues (name, city) values ('a', 'b')");
      await run(database, terminateOthers);
      await run(transaction, 'select 1');
    });
    await expect(cut).rejects.toMatchObject({ code: 'database-unavailable' });
    expect(await run(database, 'select id from venues')).toEqual([]);
    await database.transaction('create-venue', (transaction) => run(transaction, 'select 1'));
    await under.remove();
  });

  it('says that nobody knows of a commit whose answer was lost, and of no other statement', async () => {
    const under = await openThroughProxy();
    const { proxy, database } = under;
    proxy.cutAfter('commit');
    await expect(database.transaction('create-venue', insertVenue)).rejects.toMatchObject({
      code: 'database-unavailable',
      facts: { commit: 'unknown' },
    });
    expect(await under.venues()).toBe(1);
    proxy.cutAfter('insert');
    const lost: unknown = await database.transaction('create-venue', insertVenue).catch((error: unknown) => error);
    expect(lost).toMatchObject({ code: 'database-unavailable' });
    expect(lost).not.toHaveProperty('facts.commit');
    expect(await under.venues()).toBe(1);
    await under.remove();
  });

  it('gives a frozen connection up after one statement timeout, not after another for its rollback', async () => {
    const under = await openThroughProxy({ statementTimeoutMs: 1_000 });
    const { proxy, database } = under;
    const startedAt = performance.now();
    const hung = database.transaction('create-venue', async (transaction) => {
      await insertVenue(transaction);
      proxy.freeze();
      await insertVenue(transaction);
    });
    await expect(hung).rejects.toMatchObject({ code: 'database-unavailable' });
    expect(performance.now() - startedAt).toBeLessThan(3_500);
    await expect(database.ping()).resolves.toBeUndefined();
    await under.remove();
  });

  it('gives a statement up after the statement timeout, with overloaded', async () => {
    const under = await openDatabase('postgres', { statementTimeoutMs: 100 });
    await expect(run(under.database, 'select pg_sleep(5)')).rejects.toMatchObject({
      code: 'overloaded',
      facts: { code: '57014' },
    });
    await under.database.ping();
    await under.remove();
  });

  it('tells a transaction to try again, and a lost database, from our own mistakes', async () => {
    const under = await openDatabase('postgres');
    const codeOf = async (sqlState: string) => {
      const raise = `do $$ begin raise exception 'x' using errcode = '${sqlState}'; end $$`;
      const error: unknown = await run(under.database, raise).catch((caught: unknown) => caught);
      return error instanceof DomainError ? error.code : 'our own';
    };
    const codes = ['40001', '40P01', '25006', '25P03', '53300', '23505'].map(codeOf);
    const lost = 'database-unavailable';
    expect(await Promise.all(codes)).toEqual(['overloaded', 'overloaded', lost, lost, lost, 'our own']);
    await under.remove();
  });

  it('rejects a transaction whose failed statement was ignored, for nothing of it was committed', async () => {
    const under = await openDatabase('postgres');
    await migrate(under.database);
    const careless = under.database.transaction('create-venue', async (transaction) => {
      await insertVenue(transaction);
      await run(transaction, 'select 1 / 0').catch(() => undefined);
    });
    await expect(careless).rejects.toThrow('PostgreSQL answered the commit with ROLLBACK');
    expect(await run(under.database, 'select id from venues')).toEqual([]);
    await under.remove();
  });

  it("waits for another process's migrations for longer than for a lock, a statement or an answer", async () => {
    const under = await openDatabase('postgres', { statementTimeoutMs: 100 });
    const locked = Promise.withResolvers<void>();
    const other = under.database.transaction('create-venue', async (transaction) => {
      await run(transaction, 'select pg_advisory_xact_lock(1953063787)');
      locked.resolve();
      await sleep(1_500);
    });
    await locked.promise;
    expect(await migrate(under.database)).toEqual([1, 2]);
    await other;
    await under.remove();
  });

  it('survives the loss of an idle connection, and logs it', async () => {
    const under = await openDatabase('postgres', { connections: 2 });
    await Promise.all([under.database.ping(), under.database.ping()]);
    await run(under.database, terminateOthers);
    while (under.warnings.length === 0) await sleep(5);
    expect(under.warnings[0]).toMatchObject({ event: 'database-connection-lost' });
    await under.database.ping();
    await under.remove();
  });

  it('rejects with database-unavailable where nobody listens', async () => {
    const under = await openDatabase('postgres');
    if (under.options.engine !== 'postgres') throw new Error('unreachable');
    const nobody = { ...under.options, connectionString: 'postgres://lab@127.0.0.1:1/nothing' };
    const metrics = createDatabaseMetrics(new Registry());
    const database = createDatabase(nobody, { metrics, logger: { warn() {} } });
    await expect(database.ping()).rejects.toMatchObject({
      code: 'database-unavailable',
      facts: { reason: 'ECONNREFUSED' },
    });
    await database.close();
    await under.remove();
  });

  it('gives a statement up after 30 s, or after what its transaction allows, and only that one', async () => {
    const under = await openDatabase('postgres', { connections: 1 });
    const { database } = under;
    const timeouts = async (executor: QueryExecutor) =>
      (await run(executor, "select current_setting('statement_timeout'), current_setting('lock_timeout') as lock"))[0];
    const within = (statementTimeoutMs: number) =>
      database.transaction('create-venue', timeouts, { statementTimeoutMs });
    expect(await within(120_000)).toEqual({ current_setting: '2min', lock: '20s' });
    expect(await within(15_000)).toEqual({ current_setting: '15s', lock: '10s' });
    expect(await timeouts(database)).toEqual({ current_setting: '30s', lock: '20s' });
    const idle = await run(database, 'show idle_in_transaction_session_timeout');
    expect(idle).toEqual([{ idle_in_transaction_session_timeout: '10s' }]);
    const sleeping = (transaction: QueryExecutor) => run(transaction, 'select pg_sleep(2)');
    await expect(database.transaction('create-venue', sleeping, { statementTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'overloaded',
      facts: { code: '57014' },
    });
    await under.remove();
  });

  it('writes instants and bigints as the domain does, whatever the time zone of the server', async () => {
    const under = await openDatabase('postgres');
    const [row] = await run(
      under.database,
      "select $1::timestamptz as whole, $2::timestamptz as part, date '2026-02-28' as day, 9007199254740991 as big",
      '2026-11-23T19:30:00+09:00',
      '2026-11-23T10:30:00.070Z',
    );
    expect(row).toEqual({
      whole: '2026-11-23T10:30:00.000Z',
      part: '2026-11-23T10:30:00.070Z',
      day: '2026-02-28',
      big: 2 ** 53 - 1,
    });
    await under.remove();
  });
});
