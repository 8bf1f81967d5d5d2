import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openStage } from '../faults/open-stage.ts';
import { smallDiskUnavailable } from '../faults/small-disk.ts';
import type { Node, Stage, StageRequest } from '../faults/stage.ts';
import { descendants, isAlive, readProcessTable } from '../probes/process-table.ts';

const request: StageRequest = {
  database: 'postgres',
  seatCreation: 'stream',
  workers: 2,
  minIdleMs: 1_000,
  signal: new AbortController().signal,
  step: () => undefined,
};

let temporary: string;

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'stage-test-'));
  vi.stubEnv('TMPDIR', temporary);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(temporary, { recursive: true });
});

async function submit(stage: Stage, hallIds: readonly number[]): Promise<readonly number[]> {
  const [api] = stage.apis;
  const headers = { authorization: `Bearer ${stage.apiToken}` };
  return Promise.all(
    hallIds.map(async (id) => (await fetch(`${api?.apiUrl}/halls/${id}/seats`, { method: 'POST', headers })).status),
  );
}

async function untilDone(stage: Stage, jobs: number): Promise<void> {
  await vi.waitFor(async () => expect(await stage.database.audit.doneCount()).toBe(jobs), { timeout: 15_000 });
}

async function tamper(stage: Stage, sql: string): Promise<void> {
  const { engine, url } = stage.database;
  if (engine === 'sqlite') {
    const connection = new Database(url.slice('sqlite:'.length));
    connection.exec(sql);
    connection.close();
    return;
  }
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** Processes of the nodes, descendants included. */
function membersOf(nodes: readonly Node[]): readonly number[] {
  const table = readProcessTable();
  return nodes.flatMap(({ processId }) => [...descendants(table, processId)]);
}

/** System V segments that these processes have made; the fifth column of the list. */
async function countSharedMemory(processIds: readonly number[]): Promise<number> {
  const lines = (await readFile('/proc/sysvipc/shm', 'utf8')).trimEnd().split('\n').slice(1);
  return lines.filter((line) => processIds.includes(Number(line.trim().split(/\s+/)[4]))).length;
}

const answers = async (url: string, timeoutMs: number): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(timeoutMs) }).then(
    ({ ok }) => ok,
    () => false,
  );

// Seconds on a machine of its own; the bound is for one that is shared.
describe('a stage with PostgreSQL, an API and two workers', { timeout: 90_000 }, () => {
  let stage: Stage;
  let hallIds: readonly number[];
  let done = 0;

  beforeAll(async () => {
    stage = await openStage(request);
    hallIds = await stage.createHalls(30, 12);
  });

  afterAll(async () => stage.close());

  async function expectToWork(): Promise<void> {
    const jobs = hallIds.slice(done, done + 5);
    expect(await submit(stage, jobs)).toStrictEqual(jobs.map(() => 202));
    done += jobs.length;
    await untilDone(stage, done);
    expect(await stage.database.audit.faultyHalls(hallIds)).toStrictEqual([]);
  }

  it('says what its parts run with', () => {
    const valuesOf = (part: string) => stage.settings.find((own) => own.part === part)?.values;
    expect(valuesOf('PostgreSQL')).toMatchObject({ fsync: 'on', autovacuum: 'off', shared_buffers: '256MB' });
    expect(valuesOf('Redis (queue)')).toMatchObject({ appendonly: 'yes', appendfsync: 'always' });
    expect(valuesOf('worker')).toMatchObject({ ROLE: 'worker', DATABASE_POOL_SIZE: '10' });
    expect(JSON.stringify(stage.settings)).not.toContain(stage.apiToken);
  });

  it('accepts jobs and stores them', async () => {
    await expectToWork();
    const operations = [...(await stage.database.audit.operations()).values()];
    expect(operations.map(({ targetId }) => targetId).toSorted((a, b) => a - b)).toStrictEqual(
      hallIds.slice(0, done).toSorted((a, b) => a - b),
    );
    expect(new Set(operations.map(({ state }) => state))).toStrictEqual(new Set(['done']));
  });

  it('puts what was killed back at its own address and on its own files', async () => {
    const { redisQueue, database, apis, workers } = stage;
    const nodes: readonly Node[] = [redisQueue, database, ...apis, ...workers];
    const client = new Redis(redisQueue.url, { lazyConnect: true });
    await client.set('kept', 'yes');
    client.disconnect();
    const killed = membersOf(nodes);
    for (const node of nodes) await node.kill();
    expect(killed.filter(isAlive)).toStrictEqual([]);
    expect(nodes.filter((node) => node.isRunning())).toStrictEqual([]);
    for (const node of nodes) await node.start();
    expect(membersOf(nodes).filter((id) => killed.includes(id))).toStrictEqual([]);
    const again = new Redis(redisQueue.url, { lazyConnect: true });
    expect(await again.get('kept')).toBe('yes');
    again.disconnect();
    expect(await stage.database.audit.doneCount()).toBe(done);
    for (const { adminUrl } of [...apis, ...workers]) expect(await answers(`${adminUrl}/readyz`, 5_000)).toBe(true);
    await expectToWork();
  });

  it('refuses to start what runs, and says why something does not come up', async () => {
    const [worker] = stage.workers;
    await expect(worker?.start()).rejects.toThrow('worker-1 runs already');
    await worker?.stop();
    await stage.database.stop();
    try {
      await expect(worker?.start()).rejects.toThrow(/worker-1 ended before it was ready[\s\S]*start-failed/);
      expect(worker?.isRunning()).toBe(false);
    } finally {
      await stage.database.start();
      await worker?.start();
    }
    await expectToWork();
  });

  it('freezes a node until it is thawed', async () => {
    const [worker] = stage.workers;
    if (!worker) throw new Error('no worker');
    expect(await answers(`${worker.adminUrl}/livez`, 5_000)).toBe(true);
    worker.freeze();
    expect(await answers(`${worker.adminUrl}/livez`, 300)).toBe(false);
    worker.thaw();
    worker.thaw();
    expect(await answers(`${worker.adminUrl}/livez`, 5_000)).toBe(true);
  });

  it('keeps writers of seats waiting while the database is locked', async () => {
    const release = await stage.database.lock();
    const [hallId = 0] = hallIds.slice(done);
    expect(await submit(stage, [hallId])).toStrictEqual([202]);
    await vi.waitFor(async () => {
      const client = new Client({ connectionString: stage.database.url });
      await client.connect();
      const { rowCount } = await client.query(
        "select from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'seats' and usename = 'ticketing'",
      );
      await client.end();
      expect(rowCount).toBe(1);
    });
    expect(await stage.database.audit.doneCount()).toBe(done);
    await release();
    await release();
    done += 1;
    await untilDone(stage, done);
  });

  it('shows in its audit a seat that is there twice and one that is not there', async () => {
    const [twice = 0, missing = 0] = hallIds;
    await tamper(
      stage,
      `alter table seats drop constraint seats_hall_id_floor_section_row_seat_key;
       insert into seats (hall_id, floor, section, "row", seat, grade)
         select hall_id, floor, section, "row", seat, grade from seats where hall_id = ${twice} limit 1;
       delete from seats where id = (select min(id) from seats where hall_id = ${missing})`,
    );
    const faulty = await stage.database.audit.faultyHalls(hallIds);
    expect(faulty.toSorted((a, b) => a.hallId - b.hallId)).toStrictEqual(
      [
        { hallId: twice, expectedSeats: 12, seats: 13, duplicates: 1 },
        { hallId: missing, expectedSeats: 12, seats: 11, duplicates: 0 },
      ].toSorted((a, b) => a.hallId - b.hallId),
    );
    expect(await stage.database.audit.faultyHalls(hallIds.slice(2))).toStrictEqual([]);
  });

  it('leaves no process and no folder, with one node killed and others frozen', async () => {
    const { database, redisQueue, apis, workers, directory } = stage;
    const ids = membersOf([database, redisQueue, ...apis, ...workers]);
    expect(ids.filter(isAlive)).toHaveLength(ids.length);
    expect(await countSharedMemory(ids)).toBe(1);
    await redisQueue.kill();
    database.freeze();
    workers[0]?.freeze();
    expect(await readdir(temporary)).toStrictEqual([directory.slice(temporary.length + 1)]);
    await stage.close();
    await stage.close();
    expect(ids.filter(isAlive)).toStrictEqual([]);
    expect(await countSharedMemory(ids)).toBe(0);
    expect(await readdir(temporary)).toStrictEqual([]);
    await expect(redisQueue.start()).rejects.toThrow('the stage is closed');
  });
});

it('fills the disk of its database, which works again when it is emptied', { timeout: 90_000 }, async (context) => {
  const unavailable = smallDiskUnavailable();
  if (unavailable !== undefined) {
    if (process.env['REQUIRE_ALL'] === '1') throw new Error(unavailable);
    context.skip(unavailable);
  }
  const stage = await openStage({ ...request, workers: 0, databaseDiskBytes: 64 * 1024 * 1024 });
  try {
    const hallIds = await stage.createHalls(1, 50_000);
    const makeRoom = await stage.database.fillDisk();
    const log = (): Promise<string> => stage.database.process.log();
    expect(await log()).not.toContain('No space left on device');
    expect(await submit(stage, hallIds)).toStrictEqual([202]);
    await vi.waitFor(async () => expect(await log()).toContain('No space left on device'), { timeout: 15_000 });
    expect(await stage.database.audit.doneCount()).toBe(0);
    await makeRoom();
    await untilDone(stage, 1);
    await stage.database.kill();
    await stage.database.start();
    expect(await stage.database.audit.doneCount()).toBe(1);
    expect(await stage.database.audit.faultyHalls(hallIds)).toStrictEqual([]);
  } finally {
    await stage.close();
  }
  expect(await readdir(temporary)).toStrictEqual([]);
});

it('opens with SQLite, whose file can be audited and locked, and has no process', async () => {
  const stage = await openStage({ ...request, database: 'sqlite', workers: 0, seatCreation: 'async' });
  try {
    const hallIds = await stage.createHalls(3, 7);
    const release = await stage.database.lock();
    expect(await submit(stage, hallIds)).toStrictEqual([202, 202, 202]);
    expect(await stage.database.audit.doneCount()).toBe(0);
    await release();
    await untilDone(stage, 3);
    await tamper(stage, `delete from seats where id = (select min(id) from seats where hall_id = ${hallIds[0]})`);
    expect(await stage.database.audit.faultyHalls(hallIds)).toStrictEqual([
      { hallId: hallIds[0], expectedSeats: 7, seats: 6, duplicates: 0 },
    ]);
    await expect(stage.database.kill()).rejects.toThrow('SQLite has no process to kill');
  } finally {
    await stage.close();
  }
  expect(await readdir(temporary)).toStrictEqual([]);
});

it('leaves nothing when it is aborted while it comes up', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const step = (text: string): void => {
    if (text === 'starting the service') controller.abort(reason);
  };
  await expect(openStage({ ...request, database: 'sqlite', signal: controller.signal, step })).rejects.toBe(reason);
  expect(await readdir(temporary)).toStrictEqual([]);
});
