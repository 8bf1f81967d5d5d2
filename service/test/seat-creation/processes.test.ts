import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { type RedisServer, startRedisServer } from '../../../benchmarks/environments/redis-server.ts';
import { bodyOf, seatingPlan } from '../http/service-under-test.ts';
import { spawnNode } from '../spawn-node.ts';

const sources = new URL('../../src/', import.meta.url).pathname;
const controls = new URL('../controls/', import.meta.url).pathname;
const token = 'canary-token-7e0b4c92';

let directory: string;
let redis: RedisServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'seat-processes-'));
  redis = await startRedisServer({ role: 'queue', directory });
});
afterAll(async () => {
  await redis.stop();
  rmSync(directory, { recursive: true });
});

interface RunningProcess {
  readonly child: ChildProcess;
  readonly listening: Readonly<Record<string, unknown>>;
}

function startProgram(program: readonly string[], environment: Readonly<Record<string, string>>) {
  const shared = { API_TOKEN: token, PORT: '0', ADMIN_PORT: '0', REDIS_QUEUE_URL: redis.url };
  return spawnNode(program, { ...shared, ...environment }, directory);
}

async function start(
  environment: Readonly<Record<string, string>>,
  entry: readonly string[] = [`${sources}main.ts`],
): Promise<RunningProcess> {
  const child = startProgram(entry, { SEAT_CREATION_MIN_IDLE_MS: '600', ...environment });
  return new Promise((resolve, reject) => {
    child.once('exit', (status) => reject(new Error(`ended with ${status}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const fields: Record<string, unknown> = JSON.parse(line);
      if (fields['event'] === 'listening') resolve({ child, listening: fields });
    });
  });
}

async function kill({ child }: RunningProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function send(api: RunningProcess, method: string, path: string, body?: object): Promise<Response> {
  return fetch(`http://127.0.0.1:${String(api.listening['apiPort'])}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
}

const halls = 40;
const allHalls = { ids: Array.from({ length: halls }, (_, index) => index + 1), plan: seatingPlan };
/** 100,000 seats: each job is a transaction of its own, and takes a while. */
const largePlan = {
  floors: [
    {
      name: '1F',
      sections: [{ name: 'A', grade: 'R', blocks: [{ rows: { from: 1, to: 1_000 }, seats: { from: 1, to: 100 } }] }],
    },
  ],
};

/** Halls with a job each; the operations that were accepted. */
async function acceptJobs(api: RunningProcess, { ids, plan } = allHalls): Promise<readonly string[]> {
  await send(api, 'POST', '/venues', { name: 'Blue Square', city: 'Seoul' });
  for (const id of ids) await send(api, 'POST', '/venues/1/halls', { name: `Hall ${id}`, seatingPlan: plan });
  const answers = await Promise.all(ids.map((id) => send(api, 'POST', `/halls/${id}/seats`)));
  expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 202));
  return answers.map((answer) => answer.headers.get('Location') ?? '');
}

async function countDone(api: RunningProcess, locations: readonly string[]): Promise<number> {
  const operations = locations.map(async (location) =>
    bodyOf<{ readonly state?: string }>(await send(api, 'GET', location)),
  );
  return (await Promise.all(operations)).filter(({ state }) => state === 'done').length;
}

/** Of the pending entries, how often the one was delivered that was delivered most; 0 when nothing is pending. */
async function mostDeliveries(admin: Redis): Promise<number> {
  const rows = await admin.xpending('seat-creation', 'seat-makers', '-', '+', halls).catch(() => []);
  return Math.max(0, ...rows.map((row) => (Array.isArray(row) ? Number(row[3]) : 0)));
}

describe('processes', () => {
  it('lose nothing when workers are killed in the middle of their work', async () => {
    const environment = { SEAT_CREATION: 'stream', DATABASE_URL: `sqlite:${join(directory, 'stream.db')}` };
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    const api = await start({ ...environment, ROLE: 'api' });
    const locations = await acceptJobs(api);
    // First with a new batch in its hands, then with what it has taken over from the dead.
    for (const death of [1, 2]) {
      const worker = await start({ ...environment, ROLE: 'worker', API_TOKEN: '' });
      expect(worker.listening['apiPort']).toBeUndefined();
      await expect.poll(() => mostDeliveries(admin), { timeout: 10_000, interval: 1 }).toBeGreaterThanOrEqual(death);
      await kill(worker);
    }
    expect(await admin.xlen('seat-creation')).toBeGreaterThan(0);
    const worker = await start({ ...environment, ROLE: 'worker' });
    await expect.poll(() => countDone(api, locations), { timeout: 10_000 }).toBe(halls);
    for (const hall of [1, halls]) {
      const page = await bodyOf<{ readonly items: unknown[] }>(
        await send(api, 'GET', `/halls/${hall}/seats?limit=1000`),
      );
      expect(page.items).toHaveLength(500);
    }
    worker.child.kill('SIGTERM');
    expect(await once(worker.child, 'exit')).toEqual([0, null]);
  });

  it('control: lose accepted jobs in the variant before, when the process is killed', async () => {
    const environment = { SEAT_CREATION: 'async', DATABASE_URL: `sqlite:${join(directory, 'async.db')}` };
    const api = await start(environment);
    const locations = await acceptJobs(api);
    await kill(api);
    const next = await start(environment);
    const done = await countDone(next, locations);
    expect(done).toBeLessThan(halls);
    await new Promise((resolve) => void setTimeout(resolve, 300));
    expect(await countDone(next, locations)).toBe(done);
  });

  it('control: lose accepted jobs when they are acknowledged before they are committed', async () => {
    const environment = { SEAT_CREATION: 'stream', DATABASE_URL: `sqlite:${join(directory, 'early.db')}` };
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    await admin.flushall();
    const api = await start({ ...environment, ROLE: 'api' });
    const locations = await acceptJobs(api, { ids: [1, 2, 3], plan: largePlan });
    const entry = [`${controls}seat-creation-control.ts`, 'early-acknowledgement'];
    const worker = await start({ ...environment, ROLE: 'worker' }, entry);
    await expect.poll(() => admin.xlen('seat-creation'), { timeout: 5_000, interval: 1 }).toBe(0);
    await kill(worker);
    expect(await countDone(api, locations)).toBeLessThan(3);
    expect(await admin.xlen('seat-creation')).toBe(0);
  });

  it('replay dead letters by command, once, and say which can not be', async () => {
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    await admin.flushall();
    const job = {
      operationId: crypto.randomUUID(),
      target: { kind: 'hall', id: 1 },
      acceptedAt: '2026-11-23T10:00:00Z',
      replays: 0,
    };
    const facts = ['reason', 'constraint', 'message', 'x', 'failed-at', '2026-11-23T10:00:00.000Z', 'attempts', '1'];
    await admin.xadd('seat-creation:dead', '2-1', ...facts, 'deliveries', '1', 'job', JSON.stringify(job));
    await admin.xadd('seat-creation:dead', '3-1', ...facts, 'deliveries', '1', 'job', 'garbage');
    const replay = async (...ids: string[]) => {
      const child = startProgram([`${sources}replay-dead-letters.ts`, ...ids], {
        SEAT_CREATION: 'stream',
        API_TOKEN: '',
      });
      const lines: string[] = [];
      createInterface({ input: child.stdout }).on('line', (line) => void lines.push(line));
      const [status] = await once(child, 'close');
      return { status, lines };
    };
    expect(await replay('--all')).toEqual({
      status: 1,
      lines: [JSON.stringify({ event: 'replayed', id: '2-1', operationId: job.operationId })],
    });
    expect(await replay('2-1')).toMatchObject({ status: 0 });
    expect([await admin.xlen('seat-creation'), await admin.xlen('seat-creation:dead')]).toEqual([1, 1]);
  });
});
