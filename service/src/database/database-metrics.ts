import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import { createConnectionHolds, type Hold } from './connection-holds.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { type QueryName, queryNames } from './query-name.ts';

/** A pool at this moment: connections that are lent (active) and that are not (idle), and callers that wait for one. */
export interface PoolState {
  readonly active: number;
  readonly idle: number;
  readonly pending: number;
}

export interface PoolMetrics {
  acquired(seconds: number): void;
  used(seconds: number): void;
  timedOut(): void;
}

export interface DatabaseMetrics {
  /** `state` is read whenever metrics are collected. */
  watchPool(pool: string, state: () => PoolState): PoolMetrics;
  /** CPU seconds of the database's own threads since they started, those that ended included. */
  watchCpu(cpuSeconds: () => Promise<number>): void;
  queried(query: QueryName, seconds: number): void;
  /** From now on, until its `end`. */
  hold(owner: ConnectionOwner): Hold;
}

const queryBuckets = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const acquireBuckets = [0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 1.5, 2, 2.5, 5, 10];

/** Active, idle, pending, acquire, usage and timeouts: what HikariCP made known of a pool (its `MetricsTracker`). */
export function createDatabaseMetrics(registry: Registry): DatabaseMetrics {
  const registers = [registry];
  const pools = new Map<string, () => PoolState>();
  createPoolGauges(registry, pools);
  const acquireSeconds = new Histogram({
    name: 'database_pool_acquire_seconds',
    help: 'Seconds that callers waited for a connection, those that timed out included.',
    labelNames: ['pool'],
    buckets: acquireBuckets,
    registers,
  });
  const usageSeconds = new Histogram({
    name: 'database_pool_usage_seconds',
    help: 'Seconds between taking a connection and giving it back.',
    labelNames: ['pool'],
    buckets: queryBuckets,
    registers,
  });
  const timeouts = new Counter({
    name: 'database_pool_timeouts_total',
    help: 'Callers that got no connection in time.',
    labelNames: ['pool'],
    registers,
  });
  const querySeconds = new Histogram({
    name: 'database_query_seconds',
    help: 'Seconds of a statement by name, failed ones included, without the wait for a connection.',
    labelNames: ['query'],
    buckets: queryBuckets,
    registers,
  });
  for (const query of queryNames) querySeconds.zero({ query });

  return {
    watchPool(pool, state) {
      pools.set(pool, state);
      acquireSeconds.zero({ pool });
      usageSeconds.zero({ pool });
      timeouts.inc({ pool }, 0);
      return {
        acquired: (seconds) => acquireSeconds.observe({ pool }, seconds),
        used: (seconds) => usageSeconds.observe({ pool }, seconds),
        timedOut: () => timeouts.inc({ pool }),
      };
    },
    watchCpu: (cpuSeconds) => createCpuCounter(registry, cpuSeconds),
    queried: (query, seconds) => querySeconds.observe({ query }, seconds),
    hold: createConnectionHolds(registry),
  };
}

function createPoolGauges(registry: Registry, pools: ReadonlyMap<string, () => PoolState>): void {
  registry.registerMetric(
    new Gauge({
      name: 'database_pool_connections',
      help: 'Connections of a pool, in use (active) or waiting for use (idle).',
      labelNames: ['pool', 'state'],
      registers: [],
      collect() {
        for (const [pool, state] of pools) {
          const { active, idle } = state();
          this.set({ pool, state: 'active' }, active);
          this.set({ pool, state: 'idle' }, idle);
        }
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'database_pool_pending',
      help: 'Callers that wait for a connection.',
      labelNames: ['pool'],
      registers: [],
      collect() {
        for (const [pool, state] of pools) this.set({ pool }, state().pending);
      },
    }),
  );
}

/** Registered only where the database runs on threads of ours: elsewhere it would be a 0 that means "unknown". */
function createCpuCounter(registry: Registry, cpuSeconds: () => Promise<number>): void {
  registry.registerMetric(
    new Counter({
      name: 'database_cpu_seconds_total',
      help: "CPU seconds of the database's threads in this process, by their own clocks.",
      registers: [],
      async collect() {
        const seconds = await cpuSeconds();
        this.reset();
        this.inc(seconds);
      },
    }),
  );
}
