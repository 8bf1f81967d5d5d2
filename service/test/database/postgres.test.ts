import { setTimeout as sleep } from 'node:timers/promises';

import { CompiledQuery } from 'kysely';
import { describe, expect, it } from 'vitest';

import { createDatabase } from '../../src/database/create-database.ts';
import type { QueryExecutor } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase } from './database-under-test.ts';

const run = (executor: QueryExecutor, sql: string, ...parameters: unknown[]) =>
  executor.execute<Record<string, unknown>>('ping', CompiledQuery.raw(sql, parameters));

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

  it('gives a statement up after 30 s, or after what its transaction allows, and only that one', async () => {
    const under = await openDatabase('postgres', { connections: 1 });
    const { database } = under;
    const timeout = (executor: QueryExecutor) => run(executor, 'show statement_timeout');
    expect(await database.transaction(timeout, { statementTimeoutMs: 120_000 })).toEqual([
      { statement_timeout: '2min' },
    ]);
    expect(await timeout(database)).toEqual([{ statement_timeout: '30s' }]);
    expect(await run(database, 'show lock_timeout')).toEqual([{ lock_timeout: '20s' }]);
    const idle = await run(database, 'show idle_in_transaction_session_timeout');
    expect(idle).toEqual([{ idle_in_transaction_session_timeout: '10s' }]);
    const sleeping = (transaction: QueryExecutor) => run(transaction, 'select pg_sleep(2)');
    await expect(database.transaction(sleeping, { statementTimeoutMs: 50 })).rejects.toMatchObject({
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
