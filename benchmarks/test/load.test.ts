import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { percentile, poolBuckets } from '../analysis/metric-value.ts';
import { startLoad } from '../load/k6.ts';
import type { FinishedLoad, LoadWindow, RunningLoad } from '../load/load.ts';
import { performanceWorkload, performanceWrite } from '../scenarios/performance-workload.ts';
import { requireTool } from '../toolchain/require-tool.ts';
import { type StandInService, startStandInService } from './stand-in-service.ts';

const script = (name: string): string => fileURLToPath(new URL(`../scenarios/${name}`, import.meta.url));
const isDetail = (path: string): boolean => /^\/performances\/\d+$/.test(path);
const later = (from: Date, seconds: number): Date => new Date(from.getTime() + 1000 * seconds);

function percentileOf(...[quantile, buckets]: Parameters<typeof percentile>): number {
  const value = percentile(quantile, buckets);
  if ('missing' in value) throw new Error(value.missing);
  return value.value;
}

let k6: string;
let scratch: string;

beforeAll(async () => {
  k6 = (await requireTool('k6')).path;
  scratch = await mkdtemp(join(tmpdir(), 'load-test-'));
}, 300_000);

afterAll(async () => {
  await rm(scratch, { recursive: true });
});

function run(scenario: string, service: StandInService, variables: Record<string, string>): RunningLoad {
  return startLoad(
    k6,
    {
      script: script(scenario),
      apiUrl: service.url,
      apiToken: 'secret',
      variables: { SEED: '1', WRITES: 'off', DURATION_SECONDS: '1', ...variables },
    },
    scratch,
  );
}

describe('an open load', () => {
  let service: StandInService;
  let started: Date;
  let finished: FinishedLoad;
  let whole: LoadWindow;

  beforeAll(async () => {
    service = await startStandInService((path) => ({ afterMs: isDetail(path) ? 50 : 20 }));
    const load = run('performance-reads.ts', service, {
      RATE: '80.5',
      DURATION_SECONDS: '6',
      WRITES: 'on',
      WRITE_INDEX: '7',
    });
    started = await load.started;
    finished = await load.finished;
    whole = await finished.window(started, later(started, 10));
  });

  afterAll(async () => {
    await service[Symbol.asyncDispose]();
  });

  it('offers the rate that it was asked for, also when that is not a whole number', () => {
    expect(Math.abs(whole.reads + whole.droppedIterations - 6 * 80.5)).toBeLessThanOrEqual(1);
    expect(whole).toMatchObject({ failedRequests: 0, wrongBodies: 0 });
  });

  it('counts every request that the service saw', () => {
    expect(whole.requests).toBe(service.seen.length);
    expect(whole.reads).toBe(service.seen.filter(({ method }) => method === 'GET').length);
    expect(finished.summary.requests).toBe(service.seen.length);
    expect(whole.responseBytes).toBeGreaterThan(100 * service.seen.length);
  });

  it('reads at four fifths lists and one fifth details, those by their popularity', () => {
    const reads = service.seen.filter(({ method }) => method === 'GET');
    const details = reads.filter(({ path }) => isDetail(path));
    const standardError = Math.sqrt((0.8 * 0.2) / reads.length);
    expect(Math.abs(details.length / reads.length - 0.2)).toBeLessThan(4 * standardError);
    const mostPopular = details.filter(({ path }) => path === '/performances/1').length / details.length;
    expect(mostPopular).toBeGreaterThan(0.03);
    expect(mostPopular).toBeLessThan(0.25);
    expect(new Set(reads.filter(({ path }) => !isDetail(path)).map(({ path }) => path)).size).toBe(40);
  });

  it('has percentiles from raw samples that agree with the summary of k6', () => {
    const latencies = whole.latencies.map((histogram) => ({ slot: 'slot', ...histogram }));
    const buckets = poolBuckets([], { samples: new Map(), latencies });
    for (const [quantile, theirs] of [
      [0.5, finished.summary.p50Seconds],
      [0.95, finished.summary.p95Seconds],
    ] as const) {
      // k6 interpolates between the two ranks around a quantile; three digits are half a percent.
      expect(1.005 * theirs).toBeGreaterThanOrEqual(percentileOf(quantile - 1 / whole.requests, buckets));
      expect(0.995 * theirs).toBeLessThanOrEqual(percentileOf(quantile + 1 / whole.requests, buckets));
    }
  });

  it('measures by route what the service took', () => {
    const medianOf = (route: string): number =>
      percentileOf(0.5, whole.latencies.find((histogram) => histogram.route === route)?.buckets ?? []);
    expect(whole.latencies.map(({ route }) => route)).toEqual(['detail', 'list', 'write']);
    expect(medianOf('list')).toBeGreaterThan(0.019);
    expect(medianOf('detail')).toBeGreaterThan(0.049);
    expect(medianOf('list')).toBeLessThan(medianOf('detail'));
  });

  it('sends the declared write when it is due, its content from its number alone', () => {
    const writes = service.seen.filter(({ method }) => method !== 'GET');
    const { performanceId, title } = performanceWrite(7);
    expect(writes).toMatchObject([
      { method: 'PATCH', path: `/performances/${performanceId}`, authorization: 'Bearer secret' },
    ]);
    expect(JSON.parse(writes[0]?.body ?? '')).toEqual({ title });
    const dueMs = 1000 * performanceWorkload.firstWriteAfterSeconds;
    expect(Math.abs((writes[0]?.at ?? 0) - started.getTime() - dueMs)).toBeLessThan(500);
  });

  it('says how many of its virtual users were busy, and how late it was', () => {
    // 80.5/s for 26 ms each are two under way on average; there are 100 readers and 2 writers.
    expect(whole.virtualUserShare).toBeGreaterThan(2 / 102);
    expect(whole.virtualUserShare).toBeLessThanOrEqual(1);
    expect(whole.scheduleLagSeconds.largest).toBeGreaterThanOrEqual(whole.scheduleLagSeconds.median);
  });

  it('has no lag to report for a time without load, and does not say 0', async () => {
    await expect(finished.window(later(started, 60), later(started, 70))).rejects.toThrow(/k6 started nothing between/);
  });
});

describe('a closed load', () => {
  it('offers users / think time together, from the first moment on', async () => {
    await using service = await startStandInService(() => ({ afterMs: 5 }));
    const load = run('performance-users.ts', service, {
      VIRTUAL_USERS: '200',
      THINK_SECONDS: '2',
      DURATION_SECONDS: '3',
    });
    const started = await load.started;
    const finished = await load.finished;
    for (const from of [0, 1, 2]) {
      const { reads, failedRequests } = await finished.window(later(started, from), later(started, from + 1));
      expect(reads).toBeGreaterThan(40);
      expect(reads).toBeLessThan(160);
      expect(failedRequests).toBe(0);
    }
  });
});
