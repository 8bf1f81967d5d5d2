import { createServer } from 'node:http';

import { expect, onTestFinished, test } from 'vitest';

import type { TrialOutcome } from '../protocol/trial-experiment.ts';
import type { PageRead } from '../faults/cache-outage/page-reads.ts';
import { openPoolCase, poolCases } from '../faults/pool-exhaustion/pool-cases.ts';
import { acquireQuantileSeconds, readPoolMetrics } from '../faults/pool-exhaustion/pool-metrics.ts';
import { exhausted, whyNot } from '../faults/pool-exhaustion/pool-outcome.ts';
import type { PoolObservation } from '../faults/pool-exhaustion/pool-observation.ts';

/** Phases that are long enough for a caller to give up, and a generator that may be late: other tests run beside it. */
const short = { seconds: { before: 0.5, fault: 5, after: 0.5 }, mostLateSeconds: 2 };

async function runShort(id: string): Promise<TrialOutcome> {
  const signal = AbortSignal.timeout(60_000);
  const step = (): void => undefined;
  const poolCase = poolCases.find((one) => one.id === id);
  if (!poolCase) throw new Error(`there is no case ${id}`);
  const request = { profile: 'quick', database: 'postgres', random: Math.random, step, signal } as const;
  const series = await openPoolCase(poolCase, request, short);
  try {
    return await series.runTrial({ trial: 1, random: Math.random, step, signal });
  } finally {
    await series.close();
  }
}

test(
  'a slow call exhausts the pool from within a transaction, and not from behind it',
  { timeout: 60_000 },
  async () => {
    const [held, mended] = await Promise.all([runShort('held-transaction'), runShort('call-after-commit')]);
    expect(held.problems[0]).toContain(exhausted);
    const [top] = held.poolHolders?.owners.toSorted((a, b) => b.heldSeconds - a.heldSeconds) ?? [];
    expect(top?.owner).toBe('change-performance');
    expect((top?.idleSeconds ?? 0) / (top?.heldSeconds ?? 1)).toBeGreaterThan(0.5);
    const idle = held.poolHolders?.backends.filter(({ state }) => state === 'idle in transaction') ?? [];
    expect(idle.length).toBeGreaterThan(0);
    expect(held.values['largest_pending']).toBeGreaterThan(10);
    expect(held.reads).toMatchObject({ wrong: 0, stale: 0 });

    expect(mended.problems.filter((problem) => problem.includes(exhausted))).toEqual([]);
    expect(mended.reads).toMatchObject({ refused: 0, wrong: 0, stale: 0 });
    expect(mended.values['largest_pending']).toBeLessThan(held.values['largest_pending'] ?? 0);
  },
);

async function metricsOf(buckets: readonly number[]) {
  const server = createServer((_request, response) => {
    const lines = ['0.001', '0.1', '+Inf'].map(
      (le, at) => `database_pool_acquire_seconds_bucket{pool="p",le="${le}"} ${buckets[at]}`,
    );
    const rest = [
      'database_pool_connections{pool="p",state="active"} 3',
      'database_pool_connections{pool="p",state="idle"} 7',
      'database_pool_pending{pool="p"} 2',
      'database_pool_timeouts_total{pool="p"} 4',
      `database_pool_acquire_seconds_count{pool="p"} ${buckets[2]}`,
      'database_pool_acquire_seconds_sum{pool="p"} 1.5',
      'database_connection_held_seconds_total{owner="create-hall",activity="idle"} 5',
      'database_connection_held_seconds_total{owner="create-hall",activity="statement"} 1',
      'database_query_seconds_count{query="ping"} 8',
      'database_query_seconds_sum{query="ping"} 0.8',
    ];
    response.end([...lines, ...rest].join('\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return readPoolMetrics({ adminUrl: `http://127.0.0.1:${address.port}` });
}

test('the wait for a connection at a quantile is that of the callers between two readings', async () => {
  const before = await metricsOf([50, 50, 50]);
  expect(before).toMatchObject({ active: 3, idle: 7, pending: 2, timeouts: 4 });
  expect(before.held.get('create-hall')).toEqual({ statement: 1, idle: 5 });
  expect(before.queries.get('ping')).toEqual({ calls: 8, seconds: 0.8 });
  const after = await metricsOf([148, 150, 150]);
  expect(acquireQuantileSeconds(before, after, 0.5)).toBe(0.001);
  expect(acquireQuantileSeconds(before, after, 0.99)).toBe(0.1);
  expect(acquireQuantileSeconds(before, await metricsOf([50, 50, 150]), 0.99)).toBeUndefined();
  expect(acquireQuantileSeconds(before, before, 0.99)).toBeUndefined();
});

test('an attempt whose generator was late, or that was not observed, does not count', () => {
  const read = (lateMs: number): PageRead => ({
    dueMs: 0,
    startedMs: lateMs,
    endedMs: lateMs + 5,
    outcome: 'served',
    isHit: false,
    what: undefined,
  });
  const observed = (lateMs: number, missed: number): PoolObservation => ({
    load: {
      reads: Array.from({ length: 100 }, (_, index) => read(index < 2 ? lateMs : 1)),
      changes: [],
      rise: () => undefined,
      fall: () => undefined,
      end: () => Promise.resolve(),
    },
    recorded: {
      marks: [],
      values: {},
      intervals: 40,
      missed: new Map([['pg_stat_activity', { intervals: missed, why: 'timeout' }]]),
    },
    startedAtMs: 0,
    metrics: [none, none],
    activity: { samples: 1, backends: [] },
  });
  const none = {
    atMs: 0,
    active: 0,
    idle: 0,
    pending: 0,
    timeouts: 0,
    acquire: { count: 0, sumSeconds: 0, upTo: [] },
    held: new Map(),
    queries: new Map(),
  };
  const limits = { mostLateSeconds: 0.05 };
  expect(whyNot(limits, observed(20, 2))).toBeUndefined();
  expect(whyNot(limits, observed(80, 2))).toBe('the generator was 80 ms late at the 99th percentile');
  expect(whyNot(limits, observed(20, 8))).toBe('pg_stat_activity missed 8 of 40 intervals: timeout');
});
