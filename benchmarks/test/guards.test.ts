import { describe, expect, it } from 'vitest';

import { experiment } from '../experiments/performance-cache.ts';
import { isDisturbed, judgeSlot, type SlotFacts } from '../protocol/guards.ts';

const healthy: Readonly<Record<string, number>> = {
  window_seconds: 4,
  reads: 600,
  requests: 602,
  http_requests: 603,
  dropped_iterations: 0,
  failed_requests: 0,
  wrong_bodies: 0,
  generator_cpu_seconds: 0.4,
  virtual_user_share: 0.1,
  schedule_lag_median_seconds: 0.0005,
  cache_hits: 480,
  cache_negatives: 0,
  cache_misses: 120,
  cache_bypasses: 0,
  database_cpu_seconds: 0.4,
  database_cpu_seconds_second_source: 0.41,
  service_cpu_seconds: 1,
  worker_cpu_seconds: 0,
  redis_cache_cpu_seconds: 0.1,
  redis_queue_cpu_seconds: 0,
  lab_cpu_seconds: 0.1,
  other_cpu_seconds: 0.1,
  idle_cpu_seconds: 5.8,
  steal_cpu_seconds: 0.1,
  machine_cpu_seconds: 8,
  clock_step_seconds: 0.0001,
  percentile_disagreement: 0.001,
  redis_cache_evictions: 0,
  redis_cache_keys_without_ttl: 0,
};

function facts(changed: Readonly<Record<string, number | undefined>> = {}, over: Partial<SlotFacts> = {}): SlotFacts {
  const readings = new Map<string, number>();
  for (const [metric, value] of Object.entries({ ...healthy, ...changed })) {
    if (value !== undefined) readings.set(metric, value);
  }
  return { offeredPerSecond: 150, predictedHitRatio: 0.8, readings, ...over };
}

const { guardLimits, guards } = experiment;
const broken = (slot: SlotFacts): string[] =>
  judgeSlot(guards.measured, slot, guardLimits)
    .filter((outcome) => !outcome.held)
    .map((outcome) => outcome.guard);

describe('the guard of seats that were created', () => {
  const offeredSeats = { jobsPerSecond: 2, seatsPerJob: 1000 };
  const limits = { ...guardLimits, seatsCreatedShare: 0.95 };
  const judge = (seats: number | undefined, over: Partial<SlotFacts> = {}) =>
    judgeSlot(['seats-created'], facts({ seats_created: seats }, { offeredSeats, ...over }), limits)[0];

  it.each([
    [true, 8000],
    [true, 7000],
    [true, 6600],
    [false, 6500],
    [false, 0],
    [false, undefined],
  ])('is held: %s, with %s of 8,000 seats, one job of 1,000 being cut off by the window', (held, seats) => {
    expect(judge(seats)?.held).toBe(held);
  });

  it('breaks where no seats were offered, and refuses an experiment without its limit', () => {
    expect(judge(8000, { offeredSeats: undefined })).toMatchObject({ held: false });
    expect(() => judgeSlot(['seats-created'], facts({ seats_created: 0 }, { offeredSeats }), guardLimits)).toThrow(
      'guardLimits.seatsCreatedShare',
    );
  });
});

describe('the guards of a slot', () => {
  it('hold in a healthy slot', () => {
    expect(broken(facts())).toEqual([]);
  });

  it.each([
    ['achieved-rate', { reads: 590 }],
    ['dropped-iterations', { dropped_iterations: 1 }],
    ['failed-requests', { failed_requests: 1 }],
    ['wrong-bodies', { wrong_bodies: 1 }],
    ['request-counts', { requests: 540 }],
    ['request-counts', { http_requests: 660 }],
    ['request-counts', { cache_misses: 128, cache_hits: 512 }],
    ['generator-cpu', { generator_cpu_seconds: 3.3, idle_cpu_seconds: 2.9 }],
    ['virtual-users', { virtual_user_share: 0.85 }],
    ['schedule-lag', { schedule_lag_median_seconds: 0.006 }],
    ['hit-ratio', { cache_hits: 400, cache_misses: 200 }],
    ['database-cpu-sources', { database_cpu_seconds_second_source: 0.46 }],
    ['cpu-budget', { idle_cpu_seconds: 5.5 }],
    ['percentiles-agree', { percentile_disagreement: 0.06 }],
    ['evictions', { redis_cache_evictions: 1 }],
    ['keys-without-ttl', { redis_cache_keys_without_ttl: 1 }],
    ['clock-step', { clock_step_seconds: -1 }],
    ['foreign-cpu', { other_cpu_seconds: 0.5, idle_cpu_seconds: 5.4 }],
    ['steal', { steal_cpu_seconds: 0.5, idle_cpu_seconds: 5.4 }],
  ])('%s breaks, alone, when %o', (guard, changed) => {
    expect(broken(facts(changed))).toEqual([guard]);
  });

  it('call for another attempt only when the load came from outside', () => {
    expect(isDisturbed(facts({ other_cpu_seconds: 1 }), guardLimits)).toBe(true);
    expect(isDisturbed(facts({ steal_cpu_seconds: 0.5 }), guardLimits)).toBe(true);
    expect(isDisturbed(facts({ failed_requests: 1, reads: 10 }), guardLimits)).toBe(false);
  });

  it('breaks the hit ratio by a single hit where there is no cache', () => {
    const withoutCache = { cache_hits: 0, cache_misses: 0, cache_bypasses: 600 };
    const before = { predictedHitRatio: undefined };
    expect(broken(facts(withoutCache, before))).toEqual([]);
    expect(broken(facts({ ...withoutCache, cache_hits: 1 }, before))).toEqual(['hit-ratio']);
  });

  it('breaks the hit ratio where no read was counted, and says so', () => {
    const none = facts({ cache_hits: 0, cache_misses: 0 });
    expect(judgeSlot(['hit-ratio'], none, guardLimits)).toMatchObject([
      { held: false, observed: 'no read that the cache has counted' },
    ]);
  });

  it.each(Object.keys(healthy))('a missing %s breaks a guard instead of passing as 0', (metric) => {
    const outcomes = broken(facts({ [metric]: undefined }));
    expect(outcomes.length).toBeGreaterThan(0);
  });
});
