import { access } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { CompiledQuery } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';

import { createDatabase } from '../../src/database/create-database.ts';
import { migrate } from '../../src/database/migrate.ts';
import type { QueryExecutor } from '../../src/database/database.ts';
import { type DatabaseUnderTest, type DatabaseUnderTestOptions, engines, openDatabase } from './database-under-test.ts';

/** Statements of the tests run under names that the service has. */
const run = (executor: QueryExecutor, sql: string, ...parameters: unknown[]) =>
  executor.execute<Record<string, unknown>>('ping', CompiledQuery.raw(sql, parameters));
/** A slow statement: 0.15 to 0.5 s inside the database. */
const slow = {
  sqlite: 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000) select count(*) from n',
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
    const abandoned = database.transaction(async (transaction) => {
      await insertVenue(transaction);
      throw failure;
    });
    await expect(abandoned).rejects.toBe(failure);
    expect(await countVenues()).toBe(0);
    expect(await database.transaction(async (transaction) => (await insertVenue(transaction)).length)).toBe(0);
    expect(await countVenues()).toBe(1);
    expect(await under.metric('database_query_seconds_count{query="rollback"}')).toBe(1);
  });

  it('migrates once, also when several processes start at the same moment', async () => {
    const database = await open();
    expect(await migrate(database)).toEqual([]);
    const fresh = await openDatabase(engine);
    const applied = await Promise.all([1, 2, 3].map(() => migrate(fresh.database)));
    expect(applied.flat()).toEqual([1]);
    await fresh.remove();
  });

  it('refuses a database that a newer program has migrated', async () => {
    const database = await open();
    await database.transaction((transaction) =>
      run(transaction, "insert into schema_migrations (number, name) values (999, 'later')"),
    );
    await expect(migrate(database)).rejects.toThrow('the database has migration 999');
  });

  it('rejects with overloaded within the acquire timeout when every connection is lent, and counts it', async () => {
    const database = await open({ connections: 1, acquireTimeoutMs: 1_000 });
    const { writes } = pools[engine];
    const pending = `database_pool_pending{pool="${writes}"}`;
    const started = performance.now();
    await database.transaction(async () => {
      const second = database.transaction(insertVenue).catch((error: unknown) => error);
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
    await expect(database.transaction(insertVenue)).resolves.toEqual([]);
  });

  it('logs a slow query once, by its name and without a value, and no quick one', async () => {
    const database = await open({ slowQueryMs: 100 });
    under.warnings.length = 0;
    await database.ping();
    await run(database, slow[engine]);
    const [{ seconds, ...rest } = {}, ...more] = under.warnings;
    expect({ rest, more }).toEqual({ rest: { event: 'slow_query', query: 'ping', thresholdSeconds: 0.1 }, more: [] });
    expect(seconds).toBeGreaterThan(0.1);
    expect(await under.metric('database_query_seconds_bucket{le="0.1",query="ping"}')).toBe(1);
    expect(await under.metric('database_query_seconds_count{query="ping"}')).toBe(2);
  });

  it('does not block the event loop while a query is slow, nor other readers', async () => {
    const database = await open();
    await Promise.all([database.ping(), database.ping()]);
    let longestGapMs = 0;
    let last = performance.now();
    const ticking = setInterval(() => {
      longestGapMs = Math.max(longestGapMs, performance.now() - last);
      last = performance.now();
    }, 5);
    const started = performance.now();
    const slowly = run(database, slow[engine]);
    await database.ping();
    const pingedMs = performance.now() - started;
    await slowly;
    const slowMs = performance.now() - started;
    clearInterval(ticking);
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
    await database.transaction(insertVenue);
    const counts = await run(database, 'select table_name, rows from audit_catalog_counts order by table_name');
    expect(counts).toEqual(
      ['hall_grades', 'halls', 'performances', 'prices', 'showtimes', 'venues'].map((table_name) => ({
        table_name,
        rows: table_name === 'venues' ? 1 : 0,
      })),
    );
  });
});

describe('PostgreSQL', () => {
  const terminateOthers =
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()';

  it('rejects what a closed connection was doing with database-unavailable, rolls it back, and recovers', async () => {
    const under = await openDatabase('postgres', { connections: 2 });
    const { database } = under;
    await migrate(database);
    const cut = database.transaction(async (transaction) => {
      await run(transaction, "insert into venues (name, city) values ('a', 'b')");
      await run(database, terminateOthers);
      await run(transaction, 'select 1');
    });
    await expect(cut).rejects.toMatchObject({ code: 'database-unavailable' });
    expect(await run(database, 'select id from venues')).toEqual([]);
    await database.transaction((transaction) => run(transaction, 'select 1'));
    await under.remove();
  });

  it('survives the loss of an idle connection, and logs it', async () => {
    const under = await openDatabase('postgres', { connections: 2 });
    await Promise.all([under.database.ping(), under.database.ping()]);
    await run(under.database, terminateOthers);
    while (under.warnings.length === 0) await sleep(5);
    expect(under.warnings[0]).toMatchObject({ event: 'database_connection_lost' });
    await under.database.ping();
    await under.remove();
  });

  it('rejects with database-unavailable where nobody listens', async () => {
    const under = await openDatabase('postgres');
    if (under.options.engine !== 'postgres') throw new Error('unreachable');
    const nobody = { ...under.options, connectionString: 'postgres://lab@127.0.0.1:1/nothing' };
    const metrics = { watchPool: () => ({ acquired() {}, used() {}, timedOut() {} }), watchCpu() {}, queried() {} };
    const database = createDatabase(nobody, { metrics, logger: { warn() {} } });
    await expect(database.ping()).rejects.toMatchObject({
      code: 'database-unavailable',
      facts: { reason: 'ECONNREFUSED' },
    });
    await database.close();
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

describe('SQLite', () => {
  it('makes a commit durable: WAL, synchronous FULL, foreign keys', async () => {
    const under = await openDatabase('sqlite');
    const pragmas = await under.database.transaction(async (transaction) => ({
      ...(await run(transaction, 'pragma journal_mode'))[0],
      ...(await run(transaction, 'pragma synchronous'))[0],
      ...(await run(transaction, 'pragma foreign_keys'))[0],
    }));
    expect(pragmas).toEqual({ journal_mode: 'wal', synchronous: 2, foreign_keys: 1 });
    await under.remove();
  });

  it('refuses to write outside a transaction', async () => {
    const under = await openDatabase('sqlite');
    await migrate(under.database);
    await expect(run(under.database, "insert into venues (name, city) values ('a', 'b')")).rejects.toMatchObject({
      code: 'database-unavailable',
    });
    await under.remove();
  });

  it('counts the CPU of its threads, also of those that have ended', async () => {
    const under = await openDatabase('sqlite', { connections: 1 });
    await run(under.database, slow.sqlite);
    const before = await under.metric('database_cpu_seconds_total');
    await run(under.database, slow.sqlite);
    const after = await under.metric('database_cpu_seconds_total');
    expect(after - before).toBeGreaterThan(0.05);
    await under.database.close();
    expect(await under.metric('database_cpu_seconds_total')).toBeGreaterThanOrEqual(after);
    await under.remove();
  });

  it('replaces a thread that died, after rejecting what it held with database-unavailable', async () => {
    const under = await openDatabase('sqlite', { connections: 1, acquireTimeoutMs: 5_000 });
    const { database } = under;
    await migrate(database);
    const tooBig = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 400)
                      select hex(zeroblob(500000)) as text from n`;
    await expect(run(database, tooBig)).rejects.toMatchObject({ code: 'database-unavailable' });
    await database.ping();
    const lost = database.transaction(async (transaction) => {
      await run(transaction, "insert into venues (name, city) values ('a', 'b')");
      await run(transaction, tooBig);
    });
    await expect(lost).rejects.toMatchObject({ code: 'database-unavailable' });
    expect(await run(database, 'select id from venues')).toEqual([]);
    await database.transaction((transaction) => run(transaction, "insert into venues (name, city) values ('a', 'b')"));
    expect(await run(database, 'select id from venues')).toEqual([{ id: 1 }]);
    await under.remove();
  });

  it('names the file that it cannot open', async () => {
    const under = await openDatabase('sqlite');
    const metrics = { watchPool: () => ({ acquired() {}, used() {}, timedOut() {} }), watchCpu() {}, queried() {} };
    const options = {
      engine: 'sqlite',
      file: tmpdir(),
      readers: 1,
      acquireTimeoutMs: 5_000,
      slowQueryMs: 100,
    } as const;
    const database = createDatabase(options, { metrics, logger: { warn() {} } });
    await expect(database.transaction(() => Promise.resolve())).rejects.toMatchObject({ code: 'database-unavailable' });
    await database.close();
    expect(() => createDatabase({ ...options, file: ':memory:' }, { metrics, logger: { warn() {} } })).toThrow(
      ':memory:',
    );
    await expect(access(':memory:')).rejects.toThrow('ENOENT');
    await under.remove();
  });
});
