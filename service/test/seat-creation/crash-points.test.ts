import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { type RedisServer, startRedisServer } from '../../../benchmarks/environments/redis-server.ts';
import { changedKeys } from '../../src/performance-cache/keys.ts';
import { encodeJob, type SeatCreationJob } from '../../src/seat-creation/job.ts';
import { deadLettersKey, groupName, streamKey } from '../../src/seat-creation/stream-keys.ts';
import { createPostgresDatabase, hamlet, seatingPlan, startService, token } from '../http/service-under-test.ts';
import { spawnNode } from '../spawn-node.ts';
import { job } from './queue-under-test.ts';

const controls = new URL('../controls/', import.meta.url).pathname;
const main = new URL('../../src/main.ts', import.meta.url).pathname;
const soon = { timeout: 10_000, interval: 10 };
const cachedPage = changedKeys({ performanceId: 1, genres: [] })[0] ?? '';

let directory: string;
let redis: RedisServer;
let admin: Redis;
let sql: Client;
let environment: Readonly<Record<string, string>>;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'crash-points-'));
  redis = await startRedisServer({ role: 'queue', directory });
  admin = new Redis(redis.url);
  environment = {
    SEAT_CREATION: 'stream',
    DATABASE_URL: await createPostgresDatabase(),
    REDIS_QUEUE_URL: redis.url,
    PERFORMANCE_CACHE: 'look-aside',
    REDIS_CACHE_URL: redis.url,
  };
  sql = new Client({ connectionString: environment['DATABASE_URL'] });
  await sql.connect();
  const service = await startService(environment);
  await service.send('POST', '/venues', { name: 'Blue Square', city: 'Seoul' });
  await service.send('POST', '/performances', hamlet);
  for (let hall = 1; hall <= 7; hall += 1) {
    await service.send('POST', '/venues/1/halls', { name: `Hall ${hall}`, seatingPlan });
  }
  for (const startsAt of ['2999-01-01T00:00:00Z', '2999-01-02T00:00:00Z', '2999-01-03T00:00:00Z']) {
    await service.send('POST', '/performances/1/showtimes', { hallId: 1, startsAt });
  }
  await service.send('POST', '/halls/1/seats');
  await vi.waitUntil(async () => (await count('from seat_creations')) === 1, soon);
  await service.stop();
});
afterAll(async () => {
  await sql.end();
  admin.disconnect();
  await redis.stop();
  rmSync(directory, { recursive: true });
});
beforeEach(() => admin.flushall());

async function count(rows: string, ...values: readonly unknown[]): Promise<number> {
  const answer = await sql.query<{ readonly count: string }>(`select count(*) ${rows}`, [...values]);
  return Number(answer.rows[0]?.count);
}

function startProgram(entry: readonly string[], more: Readonly<Record<string, string>>) {
  return spawnNode(entry, { API_TOKEN: token, PORT: '0', ADMIN_PORT: '0', ...environment, ...more }, directory);
}

/** Nothing that one worker leaves behind is taken over by the next, unless it asks for it. */
function startWorker(entry: readonly string[], minIdleMs = 60_000) {
  const worker = startProgram(entry, { ROLE: 'worker', SEAT_CREATION_MIN_IDLE_MS: String(minIdleMs) });
  worker.stdout.resume();
  return worker;
}

async function enqueue(...jobs: readonly SeatCreationJob[]): Promise<void> {
  for (const content of jobs) await admin.xadd(streamKey, '*', 'job', encodeJob(content));
}

async function pendingCount(): Promise<number> {
  const [pending] = await admin.xpending(streamKey, groupName);
  return Number(pending);
}

/** Numbers given out are not given back by a rollback. */
async function seatNumbersUsed(): Promise<number> {
  const answer = await sql.query<{ readonly last_value: string }>(
    `select last_value from pg_sequences where sequencename = 'seats_id_seq'`,
  );
  return Number(answer.rows[0]?.last_value);
}

describe('a process that is killed', () => {
  it.each([
    // C1 and C2 differ in what was tried, C3 and C4 in what the cache still shows.
    ['after-delivery', 'hall', 2, { pending: 1, done: 0, failing: 0, letters: 0, cached: 1, seatNumbers: 0 }],
    ['in-transaction', 'hall', 3, { pending: 1, done: 0, failing: 0, letters: 0, cached: 1, seatNumbers: 500 }],
    ['after-commit', 'showtime', 1, { pending: 1, done: 1, failing: 0, letters: 0, cached: 1, seatNumbers: 0 }],
    ['after-invalidation', 'showtime', 2, { pending: 1, done: 1, failing: 0, letters: 0, cached: 0, seatNumbers: 0 }],
    ['after-acknowledge', 'showtime', 3, { pending: 0, done: 1, failing: 0, letters: 0, cached: 0, seatNumbers: 0 }],
    ['after-record', 'hall', 900_001, { pending: 1, done: 0, failing: 1, letters: 0, cached: 1, seatNumbers: 0 }],
    ['after-letter', 'hall', 900_002, { pending: 0, done: 0, failing: 1, letters: 1, cached: 1, seatNumbers: 0 }],
  ] as const)('%s leaves what the state table says', async (point, kind, id, left) => {
    const { operationId, ...content } = job(id, { target: { kind, id } });
    await admin.set(cachedPage, 'x');
    const before = await seatNumbersUsed();
    await enqueue({ operationId, ...content });
    const worker = startWorker([`${controls}crash-point.ts`, point]);
    expect(await once(worker, 'exit')).toEqual([null, 'SIGKILL']);
    expect({
      pending: await pendingCount(),
      done: await count('from seat_creations where operation_id = $1', operationId),
      failing: await count('from seat_creation_failures where operation_id = $1', operationId),
      letters: await admin.xlen(deadLettersKey),
      cached: await admin.exists(cachedPage),
      seatNumbers: (await seatNumbersUsed()) - before,
    }).toEqual(left);
  });

  it('by a file dies once, and who comes in its place does the job', async () => {
    const file = join(directory, 'crash');
    const entry = [`${controls}crash-point.ts`, 'in-transaction', file];
    writeFileSync(file, '');
    await enqueue(job(4));
    expect(await once(startWorker(entry, 300), 'exit')).toEqual([null, 'SIGKILL']);
    expect(existsSync(file)).toBe(false);
    startWorker(entry, 300);
    await expect.poll(() => count('from seat_creations where hall_id = 4'), soon).toBe(1);
  });

  it('by certain jobs dies of each of their deliveries, and of no other', async () => {
    const file = join(directory, 'lethal');
    writeFileSync(file, '5\n');
    await enqueue(job(5), job(6));
    const entry = [`${controls}lethal-jobs.ts`, file];
    for (let death = 1; death <= 5; death += 1) {
      expect(await once(startWorker(entry, 300), 'exit')).toEqual([null, 'SIGKILL']);
    }
    startWorker(entry, 300);
    await expect.poll(() => admin.xlen(deadLettersKey), soon).toBe(1);
    await expect.poll(() => count('from seat_creations where hall_id in (5, 6)'), soon).toBe(1);
  });

  it('is none where the name of the point is not known: all that are there are listed', async () => {
    const worker = spawn(process.execPath, [`${controls}crash-point.ts`, 'c2'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [[output], [status]] = await Promise.all([once(worker.stderr, 'data'), once(worker, 'exit')]);
    expect([status, String(output)]).toEqual([
      1,
      expect.stringContaining('after-delivery, in-transaction, after-commit'),
    ]);
  });
});

it('control: a publisher that does not look at the durability accepts at a server that forgets', async () => {
  await admin.config('SET', 'appendfsync', 'everysec');
  onTestFinished(async () => void (await admin.config('SET', 'appendfsync', 'always')));
  const statusBy = async (...entry: readonly string[]): Promise<number> => {
    const api = startProgram(entry, { ROLE: 'api' });
    for await (const line of createInterface({ input: api.stdout })) {
      const { event, apiPort }: Readonly<Record<string, unknown>> = JSON.parse(line);
      if (event !== 'listening') continue;
      const headers = { Authorization: `Bearer ${token}` };
      return (await fetch(`http://127.0.0.1:${String(apiPort)}/halls/7/seats`, { method: 'POST', headers })).status;
    }
    throw new Error('the API has ended');
  };
  expect(await statusBy(main)).toBe(503);
  expect(await statusBy(`${controls}seat-creation-control.ts`, 'unchecked-durability')).toBe(202);
});
