import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startLoad } from '../load/k6.ts';
import type { RunningLoad } from '../load/load.ts';
import { hallsForLoad, readsBesideSeatsWorkload } from '../scenarios/reads-beside-seats-workload.ts';
import { requireTool } from '../toolchain/require-tool.ts';
import { startStandInService } from './stand-in-service.ts';

const script = fileURLToPath(new URL('../scenarios/reads-beside-seats.ts', import.meta.url));
const isSeats = (path: string): boolean => path.endsWith('/seats');
const halls = (count: number): string[] => Array.from({ length: count }, (_, index) => String(100 + 7 * index));

let k6: string;
let scratch: string;

beforeAll(async () => {
  k6 = (await requireTool('k6')).path;
  scratch = await mkdtemp(join(tmpdir(), 'reads-beside-seats-test-'));
}, 300_000);

afterAll(async () => {
  await rm(scratch, { recursive: true });
});

function run(apiUrl: string, durationSeconds: number, hallIds: readonly string[]): RunningLoad {
  const variables = {
    SEED: '1',
    RATE: '50',
    DURATION_SECONDS: String(durationSeconds),
    HALL_IDS: hallIds.join(','),
  };
  return startLoad(k6, { script, apiUrl, apiToken: 'secret', variables }, scratch);
}

async function windowOf(load: RunningLoad) {
  const started = await load.started;
  return (await load.finished).window(started, new Date(started.getTime() + 60_000));
}

describe.concurrent('reads beside seats', () => {
  it('ask for the seats of each hall once, in their order and at the declared rate, with the token', async () => {
    await using service = await startStandInService((path) => (isSeats(path) ? { status: 202 } : {}));
    const hallIds = halls(hallsForLoad(4));
    const window = await windowOf(run(service.url, 4, hallIds));
    const jobs = service.seen.filter(({ path }) => isSeats(path));
    expect(jobs.map(({ path }) => path)).toEqual(hallIds.slice(0, jobs.length).map((id) => `/halls/${id}/seats`));
    expect(Math.abs(jobs.length - 4 * readsBesideSeatsWorkload.jobsPerSecond)).toBeLessThanOrEqual(1);
    expect(new Set(jobs.map(({ method, authorization }) => `${method} ${authorization}`))).toEqual(
      new Set(['POST Bearer secret']),
    );
    expect(window).toMatchObject({ failedRequests: 0, failedReads: 0, wrongBodies: 0 });
    expect(window.requests - window.reads).toBe(jobs.length);
    expect(window.reads + window.droppedIterations).toBeGreaterThan(195);
    expect(window.latencies.map(({ route }) => route)).toEqual(['detail', 'list', 'seat-creation']);
  });

  it('count a refused job as a failed request, and as no failed read', async () => {
    await using service = await startStandInService((path) => (isSeats(path) ? { status: 503, body: '' } : {}));
    const window = await windowOf(run(service.url, 2, halls(hallsForLoad(2))));
    expect(window.failedRequests).toBe(window.requests - window.reads);
    expect(window.failedRequests).toBeGreaterThan(0);
    expect(window.failedReads).toBe(0);
  });

  it('count 200 as a failure of a job: nothing was accepted', async () => {
    await using service = await startStandInService(() => ({}));
    const window = await windowOf(run(service.url, 2, halls(hallsForLoad(2))));
    expect(window.failedRequests).toBeGreaterThan(0);
  });

  it('are void when there are too few halls', async () => {
    await using service = await startStandInService((path) => (isSeats(path) ? { status: 202 } : {}));
    await expect(run(service.url, 3, halls(2)).finished).rejects.toThrow(/voids its data[\s\S]*HALL_IDS has 2 halls/);
  });
});
