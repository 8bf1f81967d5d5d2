import { writeFileSync } from 'node:fs';

import { collectDefaultMetrics, Registry } from 'prom-client';

import { createDatabaseMetrics } from './database/database-metrics.ts';
import { createPerformanceCacheMetrics } from './performance-cache/performance-cache-metrics.ts';
import { createSeatCreationMetrics } from './seat-creation/seat-creation-metrics.ts';
import { registerCgroupMetrics } from './telemetry/cgroup-metrics.ts';
import { createHttpMetrics, mostHttpCombinations } from './telemetry/http-metrics.ts';

/** `node service/src/metric-catalogue.ts` writes it from what the service registers. */
export const catalogueFile = new URL('../metric-catalogue.json', import.meta.url);

export interface CataloguedMetric {
  readonly name: string;
  readonly type: string;
  /** `seconds`, `bytes`, `cores`, `count` or `0 or 1`. */
  readonly unit: string;
  readonly labels: readonly string[];
  /** Lines of one process at most; of a histogram every bucket is one. */
  readonly seriesAtMost: number;
  readonly meaning: string;
  /** Where not every process has it. */
  readonly only?: string;
}

const conditions: readonly (readonly [prefix: string, only: string])[] = [
  ['http_', 'ROLE=api or all'],
  ['database_cpu_', 'SQLite'],
  ['cgroup_cpu_periods_', 'the kernel accounts CPU limits'],
  ['cgroup_cpu_throttled_', 'the kernel accounts CPU limits'],
  ['cgroup_', 'there are control groups'],
  ...['backlog_jobs', 'pending_jobs', 'oldest_', 'dead_letters', 'queue_durable'].map(
    (name) => [`seat_creation_${name}`, 'SEAT_CREATION=stream'] as const,
  ),
];
/** Counted from the start in every process, unlike the gauge whose name it begins with. */
const unconditional = new Set(['seat_creation_dead_letters_total']);

/** Labels that Node.js fills: kinds of handles and requests, spaces of the heap, kinds of collections. */
const mostRuntimeSeries = 60;
const mostPools = 2;

/** Everything that any process of the service registers, with one value of each label that is not filled at start. */
function createCompleteRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registerCgroupMetrics(registry, {
    cpuSeconds: () => 0,
    cpuLimitCores: () => undefined,
    throttling: () => ({ periods: 0, throttledPeriods: 0, throttledSeconds: 0 }),
    memoryBytes: () => 0,
    memoryLimitBytes: () => undefined,
  });
  const database = createDatabaseMetrics(registry);
  database.watchPool('pool', () => ({ active: 0, idle: 0, pending: 0 }));
  database.watchCpu(() => Promise.resolve(0));
  createPerformanceCacheMetrics(registry);
  createSeatCreationMetrics(registry).watchQueue(() => Promise.resolve(undefined));
  createHttpMetrics(registry).declare('GET', '/', [200]);
  return registry;
}

/** In the order of their names. */
export async function describeMetrics(): Promise<readonly CataloguedMetric[]> {
  const registry = createCompleteRegistry();
  const metrics = await registry.getMetricsAsJSON();
  return metrics
    .map((metric): CataloguedMetric => {
      const { name, help } = metric;
      const labels = labelsOf(registry.getSingleMetric(name));
      const only = unconditional.has(name) ? undefined : conditions.find(([prefix]) => name.startsWith(prefix))?.[1];
      return {
        name,
        type: String(metric.type),
        unit: unitOf(name),
        labels,
        seriesAtMost: seriesAtMost(name, { labels, atStart: metric.values.length }),
        meaning: help.replace(/\.$/, ''),
        ...(only !== undefined && { only }),
      };
    })
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** prom-client keeps them in a field that its types leave out. */
function labelsOf(metric: unknown): readonly string[] {
  if (typeof metric !== 'object' || metric === null || !('labelNames' in metric)) return [];
  return Array.isArray(metric.labelNames) ? metric.labelNames.map(String) : [];
}

/** From the lines that stand at the start, and the values of labels that are not all there by then. */
function seriesAtMost(
  name: string,
  { labels, atStart }: { readonly labels: readonly string[]; readonly atStart: number },
): number {
  if (name.startsWith('nodejs_') && labels.length > 0) return mostRuntimeSeries;
  if (name === 'http_server_request_duration_seconds') return atStart * mostHttpCombinations;
  return Math.max(1, atStart) * (labels.includes('pool') ? mostPools : 1);
}

function unitOf(name: string): string {
  const words = name.split('_');
  if (['state', 'durable', 'info'].includes(words.at(-1) ?? '')) return '0 or 1';
  return ['seconds', 'bytes', 'cores'].find((unit) => words.includes(unit)) ?? 'count';
}

/** One metric a line. */
export async function catalogueText(): Promise<string> {
  const lines = (await describeMetrics()).map((metric) => `  ${JSON.stringify(metric)}`);
  return `[\n${lines.join(',\n')}\n]\n`;
}

if (import.meta.main) writeFileSync(catalogueFile, await catalogueText());
