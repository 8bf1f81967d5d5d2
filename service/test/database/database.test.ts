import { setTimeout as sleep } from 'node:timers/promises';

import { CompiledQuery } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';

import { migrate } from '../../src/database/migrate.ts';
import type { QueryExecutor } from '../../src/database/database.ts';
import { watchEventLoop } from '../watch-event-loop.ts';
import { type DatabaseUnderTest, type DatabaseUnderTestOptions, engines, openDatabase } from './database-under-test.ts';

/** Statements of the tests run under names that the service has. */
const run = (executor: QueryExecutor, sql: string, ...parameters: unknown[]) =>
  executor.execute<Record<string, unknown>>('ping', CompiledQuery.raw(sql, parameters));
/** A slow statement: 0.15 to 0.5 s inside the database. */
const slow = {
  sqlite: 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000000) select count(*) from n',
  postgres: "select pg_sleep(0.3), 'secret-value' as value",
};
const pools = {
  sqlite: { reads: 'sqlite-readers', writes: 'sqlite-writer' },
  postgres: { reads: 'postgres', writes: 'postgres' },
};

describe.each(engines)('the database port on %s', (engine) => {
  let under: DatabaseUnderTest;
  const open = async (options: DatabaseUnderTestOptions = {}) => {
    under = await openDatabase(engine, options);
    await migrate(under.database);
    return under.database;
  };
  const countVenues = async () => (await run(under.database, 'select id from venues')).length;
  const insertVenue = (executor: QueryExecutor) => run(executor, "insert into venues (name, city) values ('a', 'b')");
  afterEach(() => under.remove());

  it('keeps what a transaction wrote when its work resolves, and nothing of it when its work rejects', async () => {
    const database = await open();
    const failure = new Error('changed my mind');
    const abandoned = database.transaction('create-venue', async (transaction) => {
      await insertVenue(transaction);
      throw failure;
    });
    await expect(abandoned).rejects.toBe(failure);
    const thrown = database.transaction('create-venue', () => {
      throw failure;
    });
    await expect(thrown).rejects.toBe(failure);
    expect(await countVenues()).toBe(0);
    expect(
      await database.transaction('create-venue', async (transaction) => (await insertVenue(transaction)).length),
    ).toBe(0);
    expect(await countVenues()).toBe(1);
    expect(await under.metric('database_query_seconds_count{query="rollback"}')).toBe(2);
  });

  it('migrates once, also when several processes start at the same moment', async () => {
    const database = await open();
    expect(await migrate(database)).toEqual([]);
    const fresh = await openDatabase(engine);
    const applied = await Promise.all([1, 2, 3].map(() => migrate(fresh.database)));
    expect(applied.flat()).toEqual([1, 2]);
    await fresh.remove();
  });

  it('refuses a database that a newer program has migrated', async () => {
    const database = await open();
    await database.transaction('create-venue', (transaction) =>
      run(transaction, "insert into schema_migrations (number, name) values (999, 'later')"),
    );
    await expect(migrate(database)).rejects.toThrow('the database has migration 999');
  });

  it('rejects with overloaded within the acquire timeout when every connection is lent, and counts it', async () => {
    const database = await open({ connections: 1, acquireTimeoutMs: 1_000 });
    const { writes } = pools[engine];
    const pending = `database_pool_pending{pool="${writes}"}`;
    const started = performance.now();
    await database.transaction('create-venue', async () => {
      const second = database.transaction('create-venue', insertVenue).catch((error: unknown) => error);
      await Promise.resolve();
      expect(await under.metric(pending)).toBe(1);
      expect(await under.metric(`database_pool_connections{pool="${writes}",state="active"}`)).toBe(1);
      expect(await second).toMatchObject({ code: 'overloaded', facts: { pool: writes, acquireTimeoutMs: 1_000 } });
    });
    const waitedMs = performance.now() - started;
    expect(waitedMs).toBeGreaterThan(990);
    expect(waitedMs).toBeLessThan(2_000);
    expect(await under.metric(pending)).toBe(0);
    expect(await under.metric(`database_pool_timeouts_total{pool="${writes}"}`)).toBe(1);
    expect(await under.metric(`database_pool_connections{pool="${writes}",state="idle"}`)).toBe(1);
    // The control: with the connection back, the same call succeeds.
    await expect(database.transaction('create-venue', insertVenue)).resolves.toEqual([]);
  });

  it('counts a caller whose connection is being opened as pending, and the connection not as active', async () => {
    under = await openDatabase(engine);
    const { reads } = pools[engine];
    const state = () =>
      Promise.all([
        under.metric(`database_pool_pending{pool="${reads}"}`),
        under.metric(`database_pool_connections{pool="${reads}",state="active"}`),
        under.metric(`database_pool_connections{pool="${reads}",state="idle"}`),
      ]);
    const pinging = under.database.ping();
    expect(await state()).toEqual([1, 0, 0]);
    await pinging;
    expect(await state()).toEqual([0, 0, 1]);
  });

  it('logs a slow query once, by its name and without a value, and no quick one', async () => {
    const database = await open({ slowQueryMs: 100 });
    under.warnings.length = 0;
    await database.ping();
    await run(database, slow[engine]);
    const [{ seconds, ...rest } = {}, ...more] = under.warnings;
    expect({ rest, more }).toEqual({ rest: { event: 'slow-query', query: 'ping', thresholdSeconds: 0.1 }, more: [] });
    expect(seconds).toBeGreaterThan(0.1);
    expect(await under.metric('database_query_seconds_bucket{le="0.1",query="ping"}')).toBe(1);
    expect(await under.metric('database_query_seconds_count{query="ping"}')).toBe(2);
  });

  it('counts whom a connection is held by, and apart how long no statement of his ran, also while he holds it', async () => {
    const database = await open({ longHoldMs: 150 });
    under.warnings.length = 0;
    const seconds = (owner: string, activity: string) =>
      under.metric(`database_connection_held_seconds_total{owner="${owner}",activity="${activity}"}`);
    await database.transaction('change-performance', async (transaction) => {
      await run(transaction, 'select 1');
      await sleep(200);
      expect(await seconds('change-performance', 'idle')).toBeGreaterThan(0.19);
    });
    const [{ seconds: held, idleSeconds, ...rest } = {}, ...more] = under.warnings;
    expect({ rest, more }).toEqual({
      rest: { event: 'connection-held', owner: 'change-performance', thresholdSeconds: 0.15 },
      more: [],
    });
    expect(idleSeconds).toBe(await seconds('change-performance', 'idle'));
    expect(held).toBeCloseTo(Number(idleSeconds) + (await seconds('change-performance', 'statement')), 9);
    // The control: a query that is slow by itself holds its connection as well, and is hardly ever idle.
    await run(database, slow[engine]);
    expect(await seconds('ping', 'statement')).toBeGreaterThan(0.1);
    expect(await seconds('ping', 'idle')).toBeLessThan((await seconds('ping', 'statement')) / 2);
    expect(await seconds('create-venue', 'statement')).toBe(0);
  });

  it('does not block the event loop while a query is slow, nor other readers', async () => {
    const database = await open();
    await Promise.all([database.ping(), database.ping()]);
    const eventLoop = watchEventLoop();
    const started = performance.now();
    const slowly = run(database, slow[engine]);
    await database.ping();
    const pingedMs = performance.now() - started;
    await slowly;
    const slowMs = performance.now() - started;
    const longestGapMs = eventLoop.end();
    expect(pingedMs).toBeLessThan(slowMs / 2);
    expect(longestGapMs).toBeLessThan(slowMs / 2);
  });

  it('gives an error that is our own mistake as it is, and goes on', async () => {
    const database = await open({ connections: 1 });
    const error = await run(database, 'select * from nothing').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toHaveProperty('facts');
    await database.ping();
  });

  it('has a 0 for every query name and pool before anything happened', async () => {
    await open();
    expect(await under.metric('database_query_seconds_count{query="list-performances"}')).toBe(0);
    expect(await under.metric(`database_pool_timeouts_total{pool="${pools[engine].reads}"}`)).toBe(0);
  });

  it('counts the rows of each table for audits', async () => {
    const database = await open();
    await database.transaction('create-venue', insertVenue);
    const counts = await run(database, 'select table_name, rows from audit_catalog_counts order by table_name');
    expect(counts).toEqual(
      ['hall_grades', 'halls', 'performances', 'prices', 'showtimes', 'venues'].map((table_name) => ({
        table_name,
        rows: table_name === 'venues' ? 1 : 0,
      })),
    );
  });
});
