import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { type PostgresServer, startPostgresServer } from '../environments/postgres-server.ts';
import { removeSharedMemory } from '../environments/shared-memory.ts';
import { killTree } from '../faults/process-tree.ts';
import { mountSmallDisk, type SmallDisk, type SmallDiskRequest, smallDiskUnavailable } from '../faults/small-disk.ts';
import { isAlive } from '../probes/process-table.ts';

const run = promisify(execFile);

const unavailable = smallDiskUnavailable();
if (unavailable !== undefined) {
  if (process.env['REQUIRE_ALL'] === '1') throw new Error(unavailable);
  console.warn(`SKIPPED small disks: ${unavailable}`);
}

const mebibyte = 1024 * 1024;

/** The folder of a server with an empty table `seats`; never written to. */
let cluster: string;
let directory: string;
let disk: SmallDisk | undefined;
let server: PostgresServer | undefined;

beforeAll(async () => {
  cluster = await mkdtemp(join(tmpdir(), 'small-disk-test-'));
  const postgres = await startPostgresServer({ directory: cluster });
  await query(postgres, 'create table seats (number bigint)');
  await postgres.stop();
});

afterAll(async () => {
  await rm(cluster, { recursive: true });
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'small-disk-test-'));
  await run('cp', ['-a', join(cluster, 'data'), directory]);
});

afterEach(async () => {
  await server?.stop();
  await disk?.close();
  server = undefined;
  disk = undefined;
  await rm(directory, { recursive: true });
});

async function start(
  holds: SmallDiskRequest['holds'],
  bytes: number,
): Promise<{ readonly disk: SmallDisk; readonly server: PostgresServer }> {
  server = await startPostgresServer({
    directory,
    async place(dataDirectory) {
      disk ??= await mountSmallDisk({ directory, dataDirectory, bytes, holds });
      return disk.wrap;
    },
  });
  if (!disk) throw new Error('the server started without a disk');
  return { disk, server };
}

async function query(on: PostgresServer, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: on.connectionString('postgres') });
  // When the server ends, the query rejects as well.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const insertSeats = 'insert into seats select generate_series(1, 100000)';
const countSeats = 'select count(*)::int as seats from seats';

describe.skipIf(unavailable !== undefined)('a disk that holds the tables', () => {
  it('is full for PostgreSQL, which says so with 53100 and goes on when there is room again', async () => {
    const { disk: tables, server: postgres } = await start('tables', 64 * mebibyte);
    await query(postgres, insertSeats);
    const makeRoom = await tables.fill();
    await expect(query(postgres, insertSeats)).rejects.toMatchObject({
      code: '53100',
      message: expect.stringContaining('No space left on device'),
    });
    expect(await query(postgres, countSeats)).toStrictEqual([{ seats: 100_000 }]);
    await makeRoom();
    await makeRoom();
    await query(postgres, insertSeats);
    expect(await query(postgres, countSeats)).toStrictEqual([{ seats: 200_000 }]);
    expect(postgres.process.hasEnded()).toBe(false);
  });

  it('keeps its content while the server is away, also when it is full then', async () => {
    const first = await start('tables', 64 * mebibyte);
    await query(first.server, insertSeats);
    const makeRoom = await first.disk.fill();
    await killTree(first.server.processId);
    const again = await start('tables', 64 * mebibyte);
    expect(await query(again.server, countSeats)).toStrictEqual([{ seats: 100_000 }]);
    await expect(query(again.server, insertSeats)).rejects.toMatchObject({ code: '53100' });
    await makeRoom();
    await query(again.server, insertSeats);
  });

  it('is of the size that was asked for: what does not fit fails without being filled', async () => {
    const { server: postgres } = await start('tables', 32 * mebibyte);
    await expect(query(postgres, 'insert into seats select generate_series(1, 1000000)')).rejects.toMatchObject({
      code: '53100',
    });
  });

  it('is seen by nobody else: nothing is mounted outside of its namespace, and the tables there are as they were', async () => {
    const before = await readFile('/proc/self/mounts', 'utf8');
    const { disk: tables, server: postgres } = await start('tables', 64 * mebibyte);
    await query(postgres, 'create database other');
    expect(await readFile('/proc/self/mounts', 'utf8')).toBe(before);
    const databases = await readdir(join(directory, 'data/base'));
    const inside = await readdir(join(`/proc/${tables.process.processId}/root`, directory, 'data/base'));
    expect(inside).toHaveLength(databases.length + 1);
  });

  it('says what was wrong when the tables do not fit', async () => {
    await expect(start('tables', mebibyte)).rejects.toThrow(/small disk ended[\s\S]*No space left on device/);
  });
});

describe.skipIf(unavailable !== undefined)('a disk that holds the WAL as well', () => {
  it('ends the server, which is back with all that was committed when there is room again', async () => {
    const { disk: all, server: postgres } = await start('tables and WAL', 128 * mebibyte);
    await query(postgres, insertSeats);
    const makeRoom = await all.fill();
    await expect(query(postgres, insertSeats)).rejects.toMatchObject({ code: '53100' });
    const writeLog = async (): Promise<void> => {
      for (;;) await query(postgres, "select pg_logical_emit_message(true, 'wal', repeat('x', 1000000))");
    };
    await expect(writeLog()).rejects.toThrow(/No space left on device|terminated/);
    await postgres.process.ended;
    expect(await postgres.process.log()).toMatch(/PANIC:.*pg_wal.*No space left on device/);
    await expect(start('tables and WAL', 128 * mebibyte)).rejects.toThrow('No space left on device');
    await makeRoom();
    const again = await start('tables and WAL', 128 * mebibyte);
    expect(await query(again.server, countSeats)).toStrictEqual([{ seats: 100_000 }]);
    await query(again.server, insertSeats);
  });
});

const saidSchema = z.object({ whenFull: z.string(), afterwards: z.string(), processIds: z.array(z.int()) });

function startLab(...prefix: readonly string[]): ChildProcess {
  const holder = fileURLToPath(new URL('fixtures/small-disk-holder.ts', import.meta.url));
  const [command, ...args] = [...prefix, process.execPath, holder, directory];
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function said(lab: ChildProcess): Promise<z.infer<typeof saidSchema>> {
  if (!lab.stdout) throw new Error('the lab was started without a pipe');
  const [line] = await once(lab.stdout, 'data');
  return saidSchema.parse(JSON.parse(String(line)));
}

describe.skipIf(unavailable !== undefined)('a lab with a small disk', () => {
  it('leaves no process and no mount behind when it is killed', async () => {
    const lab = startLab();
    const { processIds } = await said(lab);
    expect(processIds.filter(isAlive)).toHaveLength(2);
    lab.kill('SIGKILL');
    await once(lab, 'exit');
    await vi.waitFor(() => expect(processIds.filter(isAlive)).toStrictEqual([]), 10_000);
    await removeSharedMemory(new Set(processIds));
  });

  it.skipIf(process.getuid?.() !== 0)('may be run by an ordinary user', async () => {
    const nobody = 65_534;
    await run('chown', ['-R', `${nobody}:${nobody}`, directory]);
    const lab = startLab('setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--');
    const { processIds, ...results } = await said(lab);
    expect(results).toStrictEqual({ whenFull: '53100', afterwards: 'done' });
    lab.kill('SIGKILL');
    await once(lab, 'exit');
    await vi.waitFor(() => expect(processIds.filter(isAlive)).toStrictEqual([]), 10_000);
    await removeSharedMemory(new Set(processIds));
  });
});
