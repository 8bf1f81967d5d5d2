import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

import type { BreakerState } from './breaker.ts';
import type { CacheResult, PerformanceReadKey } from './performance-cache.ts';

const kinds = ['detail', 'list'] as const;
const results = ['hit', 'miss', 'negative', 'bypass', 'error'] as const;
const breakerStates = ['closed', 'open', 'half-open'] as const;
/** What was no longer the same when a load wanted to store, or what kept Redis from storing. */
const refusals = ['lease', 'generation', 'version', 'full', 'unavailable'] as const;
export type StoreRefusal = (typeof refusals)[number];

/** What the cache tells. Every label stands at 0 from the start. */
export interface PerformanceCacheMetrics {
  request(kind: PerformanceReadKey['kind'], result: CacheResult | 'error'): void;
  loadSeconds(seconds: number): void;
  loadsInFlight(loads: number): void;
  leaseWait(): void;
  refusedSet(reason: StoreRefusal): void;
  breakerState(state: BreakerState): void;
  invalidationFailure(): void;
  overload(): void;
}

export function createPerformanceCacheMetrics(registry: Registry): PerformanceCacheMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: 'performance_cache_requests_total',
    help: 'Reads of performances, by what answered them',
    labelNames: ['kind', 'result'],
    registers,
  });
  const loadSeconds = new Histogram({
    name: 'performance_cache_load_seconds',
    help: 'Time that a load from the database took, without the wait for its turn',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  });
  const loadsInFlight = new Gauge({
    name: 'performance_cache_loads_in_flight',
    help: 'Loads that the database is busy with',
    registers,
  });
  const leaseWaits = new Counter({
    name: 'performance_cache_lease_waits_total',
    help: 'Waits for a load of another process',
    registers,
  });
  const refusedSets = new Counter({
    name: 'performance_cache_refused_sets_total',
    help: 'Loads that were not stored, by reason',
    labelNames: ['reason'],
    registers,
  });
  const breakerState = new Gauge({
    name: 'performance_cache_breaker_state',
    help: '1 for the state that the breaker is in',
    labelNames: ['state'],
    registers,
  });
  const invalidationFailures = new Counter({
    name: 'performance_cache_invalidation_failures_total',
    help: 'Invalidations that did not reach the cache: others serve the old value for a TTL at most',
    registers,
  });
  const overloads = new Counter({
    name: 'performance_cache_overloads_total',
    help: 'Loads that were turned away because too many were in flight',
    registers,
  });

  for (const reason of refusals) refusedSets.labels(reason).inc(0);
  // Looking a child up by its labels costs more than counting does, and every hit counts.
  const requestCounters = new Map(
    kinds.flatMap((kind) => results.map((result) => [`${kind} ${result}`, requests.labels(kind, result)] as const)),
  );
  for (const counter of requestCounters.values()) counter.inc(0);
  const setBreakerState = (current: BreakerState): void => {
    for (const state of breakerStates) breakerState.labels(state).set(state === current ? 1 : 0);
  };
  setBreakerState('closed');

  return {
    request: (kind, result) => requestCounters.get(`${kind} ${result}`)?.inc(),
    loadSeconds: (seconds) => loadSeconds.observe(seconds),
    loadsInFlight: (loads) => loadsInFlight.set(loads),
    leaseWait: () => leaseWaits.inc(),
    refusedSet: (reason) => refusedSets.labels(reason).inc(),
    breakerState: setBreakerState,
    invalidationFailure: () => invalidationFailures.inc(),
    overload: () => overloads.inc(),
  };
}
