import { access } from 'node:fs/promises';
import { tmpdir } from 'node:os';

import { CompiledQuery } from 'kysely';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import { createDatabase } from '../../src/database/create-database.ts';
import { createDatabaseMetrics } from '../../src/database/database-metrics.ts';
import type { QueryExecutor } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase } from './database-under-test.ts';

const run = (executor: QueryExecutor, sql: string, ...parameters: unknown[]) =>
  executor.execute<Record<string, unknown>>('ping', CompiledQuery.raw(sql, parameters));
const slow = 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000) select count(*) from n';

describe('SQLite', () => {
  it('makes a commit durable: WAL, synchronous FULL, foreign keys', async () => {
    const under = await openDatabase('sqlite');
    const pragmas = await under.database.transaction('create-venue', async (transaction) => ({
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
    await run(under.database, slow);
    const before = await under.metric('database_cpu_seconds_total');
    await run(under.database, slow);
    const after = await under.metric('database_cpu_seconds_total');
    expect(after - before).toBeGreaterThan(0.05);
    const closing = under.database.close();
    const meanwhile = await under.metric('database_cpu_seconds_total');
    await closing;
    expect(meanwhile).toBeGreaterThanOrEqual(after);
    expect(await under.metric('database_cpu_seconds_total')).toBeGreaterThanOrEqual(meanwhile);
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
    const lost = database.transaction('create-venue', async (transaction) => {
      await run(transaction, "insert into venues (name, city) values ('a', 'b')");
      await run(transaction, tooBig);
    });
    await expect(lost).rejects.toMatchObject({ code: 'database-unavailable' });
    expect(await run(database, 'select id from venues')).toEqual([]);
    await database.transaction('create-venue', (transaction) =>
      run(transaction, "insert into venues (name, city) values ('a', 'b')"),
    );
    expect(await run(database, 'select id from venues')).toEqual([{ id: 1 }]);
    await under.remove();
  });

  it('names the file that it cannot open', async () => {
    const under = await openDatabase('sqlite');
    const metrics = createDatabaseMetrics(new Registry());
    const options = {
      engine: 'sqlite',
      file: tmpdir(),
      readers: 1,
      acquireTimeoutMs: 5_000,
      slowQueryMs: 100,
      longHoldMs: 1_000,
    } as const;
    const database = createDatabase(options, { metrics, logger: { warn() {} } });
    await expect(database.transaction('create-venue', () => Promise.resolve())).rejects.toMatchObject({
      code: 'database-unavailable',
    });
    await database.close();
    expect(() => createDatabase({ ...options, file: ':memory:' }, { metrics, logger: { warn() {} } })).toThrow(
      ':memory:',
    );
    await expect(access(':memory:')).rejects.toThrow('ENOENT');
    await under.remove();
  });
});
