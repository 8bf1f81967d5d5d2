import type { MetricLine } from '../../probes/prometheus-text.ts';
import { readMetricLines } from '../service-metrics.ts';
import type { ServiceNode } from '../stage.ts';
import type { TimelineSource } from '../timeline-recorder.ts';

/** What a process of the service says of its pool: totals since it was started, and the state of this moment. */
export interface PoolMetrics {
  /** Of `performance.now()`. */
  readonly atMs: number;
  readonly active: number;
  readonly idle: number;
  readonly pending: number;
  readonly timeouts: number;
  readonly acquire: AcquireHistogram;
  /** Seconds by owner, while a statement ran and while none did. */
  readonly held: ReadonlyMap<string, { readonly statement: number; readonly idle: number }>;
  /** By name. */
  readonly queries: ReadonlyMap<string, { readonly calls: number; readonly seconds: number }>;
}

interface AcquireHistogram {
  readonly count: number;
  readonly sumSeconds: number;
  /** Counts up to a bound in seconds, the bounds ascending, the last one infinite. */
  readonly upTo: readonly { readonly boundSeconds: number; readonly count: number }[];
}

/** @throws when the page can't be read or lacks one of these metrics */
export async function readPoolMetrics(node: Pick<ServiceNode, 'adminUrl'>): Promise<PoolMetrics> {
  const page = Map.groupBy(await readMetricLines(node), ({ name }) => name);
  const atMs = performance.now();
  const linesOf = (name: string): readonly MetricLine[] => {
    const lines = page.get(name);
    if (!lines) throw new Error(`${node.adminUrl}/metrics has no ${name}`);
    return lines;
  };
  const total = (name: string, state?: string): number =>
    linesOf(name)
      .filter(({ labels }) => state === undefined || labels['state'] === state)
      .reduce((sum, { value }) => sum + value, 0);
  return {
    atMs,
    active: total('database_pool_connections', 'active'),
    idle: total('database_pool_connections', 'idle'),
    pending: total('database_pool_pending'),
    timeouts: total('database_pool_timeouts_total'),
    acquire: {
      count: total('database_pool_acquire_seconds_count'),
      sumSeconds: total('database_pool_acquire_seconds_sum'),
      upTo: linesOf('database_pool_acquire_seconds_bucket')
        .map(({ labels, value }) => ({ boundSeconds: boundOf(labels['le']), count: value }))
        .toSorted((a, b) => a.boundSeconds - b.boundSeconds),
    },
    held: heldBy(linesOf('database_connection_held_seconds_total')),
    queries: queriesOf(linesOf('database_query_seconds_count'), linesOf('database_query_seconds_sum')),
  };
}

const boundOf = (bound: string | undefined): number => (bound === '+Inf' ? Infinity : Number(bound));

function heldBy(lines: readonly MetricLine[]): PoolMetrics['held'] {
  const seconds = (own: readonly MetricLine[], activity: string): number =>
    own.find(({ labels }) => labels['activity'] === activity)?.value ?? 0;
  const byOwner = Map.groupBy(lines, ({ labels }) => labels['owner'] ?? '');
  return new Map(
    Array.from(byOwner, ([owner, own]) => [
      owner,
      { statement: seconds(own, 'statement'), idle: seconds(own, 'idle') },
    ]),
  );
}

function queriesOf(counts: readonly MetricLine[], sums: readonly MetricLine[]): PoolMetrics['queries'] {
  const seconds = new Map(sums.map(({ labels, value }) => [labels['query'], value]));
  return new Map(
    counts.map(({ labels, value }) => [
      labels['query'] ?? '',
      { calls: value, seconds: seconds.get(labels['query']) ?? 0 },
    ]),
  );
}

/** The bound within which this share of the callers got a connection or gave up, of those between two readings. */
export function acquireQuantileSeconds(before: PoolMetrics, after: PoolMetrics, share: number): number | undefined {
  const callers = after.acquire.count - before.acquire.count;
  const earlier = new Map(before.acquire.upTo.map(({ boundSeconds, count }) => [boundSeconds, count]));
  const bound = after.acquire.upTo.find(
    ({ boundSeconds, count }) => count - (earlier.get(boundSeconds) ?? 0) >= share * callers,
  );
  return callers === 0 || bound?.boundSeconds === Infinity ? undefined : bound?.boundSeconds;
}

/** The pool at the end of each interval, and how long its callers waited in it on average. */
export function poolMetricsSource(service: Pick<ServiceNode, 'adminUrl'>): TimelineSource {
  let before: PoolMetrics | undefined;
  return {
    name: 'metrics of the service',
    ids: ['pool_active', 'pool_pending', 'acquire_mean_seconds'],
    async read() {
      const now = await readPoolMetrics(service);
      const callers = now.acquire.count - (before?.acquire.count ?? now.acquire.count);
      const waitedSeconds = now.acquire.sumSeconds - (before?.acquire.sumSeconds ?? 0);
      before = now;
      return {
        levels: {
          pool_active: now.active,
          pool_pending: now.pending,
          ...(callers > 0 && { acquire_mean_seconds: waitedSeconds / callers }),
        },
        counters: {},
      };
    },
  };
}
