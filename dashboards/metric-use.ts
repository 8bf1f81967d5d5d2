import { readFileSync } from 'node:fs';

import { z } from 'zod';

import { fillVariables, metricNames } from './promql.ts';
import { recordingRules, type RuleFile } from './rules.ts';
import { dashboards } from './source/dashboards.ts';

/** What the queries are parsed and asked with where nothing else is said. */
const anyVariables = { instance: '.+', __rate_interval: '1m', other: '1m' };

/** Of Prometheus itself and of the exporters, the few that panels and rules use; `make telemetry` sees each of them. */
const exporterMetrics = [
  'up',
  'pg_up',
  'pg_stat_activity_count',
  'pg_stat_database_blks_hit',
  'pg_stat_database_blks_read',
  'pg_stat_database_xact_commit',
  'pg_stat_database_xact_rollback',
  'redis_aof_enabled',
  'redis_commands_processed_total',
  'redis_connected_clients',
  'redis_evicted_keys_total',
  'redis_expired_keys_total',
  'redis_keyspace_hits_total',
  'redis_keyspace_misses_total',
  'redis_memory_used_bytes',
  'redis_up',
] as const;

/** Metrics of the service that no panel and no rule needs, and why they are exported all the same. */
export const spareMetrics: Readonly<Record<string, string>> = {
  database_cpu_seconds_total: 'SQLite only: the lab reads it',
  nodejs_active_handles: 'Node.js’s own, of a kind that active_resources has replaced',
  nodejs_active_handles_total: 'as above',
  nodejs_active_requests: 'as above',
  nodejs_active_requests_total: 'as above',
  nodejs_active_resources: 'by kind: for a look when their sum rises',
  nodejs_eventloop_lag_mean_seconds: 'p50, p99 and max are drawn',
  nodejs_eventloop_lag_min_seconds: 'as above',
  nodejs_eventloop_lag_p90_seconds: 'as above',
  nodejs_eventloop_lag_seconds: 'as above',
  nodejs_eventloop_lag_stddev_seconds: 'as above',
  nodejs_heap_space_size_available_bytes: 'by space: for a look when the heap grows',
  nodejs_heap_space_size_total_bytes: 'as above',
  nodejs_heap_space_size_used_bytes: 'as above',
  nodejs_version_info: 'for a look',
  process_heap_bytes: 'the kernel’s view, which says little of a JavaScript heap',
  process_virtual_memory_bytes: 'as above',
};

const catalogueSchema = z.array(z.object({ name: z.string(), type: z.string(), only: z.string().optional() }));
export type CataloguedMetric = z.infer<typeof catalogueSchema>[number];

/** The service's own list of what it exports. */
export function readCatalogue(): readonly CataloguedMetric[] {
  return catalogueSchema.parse(
    JSON.parse(readFileSync(new URL('../service/metric-catalogue.json', import.meta.url), 'utf8')),
  );
}

/** As they are in the catalogue: a histogram's lines under its own name. */
export function familyOf(series: string, catalogue: readonly CataloguedMetric[]): string {
  const family = series.replace(/_(bucket|sum|count)$/, '');
  return catalogue.some(({ name, type }) => name === family && type === 'histogram') ? family : series;
}

/** Names that any panel asks for. */
export function metricsOfPanels(): ReadonlySet<string> {
  const panels = dashboards.flatMap(({ rows }) => rows.flatMap((row) => row.panels));
  const expressions = panels.flatMap(({ queries }) => queries.map(({ expr }) => fillVariables(expr, anyVariables)));
  return new Set(expressions.flatMap((expr) => metricNames(expr)));
}

/** Names that any rule asks for, recorded ones among them. */
export function metricsOfRules(files: Iterable<RuleFile>): ReadonlySet<string> {
  const rules = [...files].flatMap(({ groups }) => groups.flatMap((group) => group.rules));
  return new Set(rules.flatMap(({ expr }) => metricNames(expr)));
}

/** Names that are asked for and made by nobody, and metrics that nobody asks for without being listed as spare. */
export function metricProblems(files: readonly RuleFile[]): readonly string[] {
  const catalogue = readCatalogue();
  const used = new Set([...metricsOfPanels(), ...metricsOfRules(files)]);
  const made = new Set<string>([
    ...catalogue.map(({ name }) => name),
    ...exporterMetrics,
    ...recordingRules(files).map(({ record }) => record),
  ]);
  const usedFamilies = new Set([...used].map((name) => familyOf(name, catalogue)));
  const unknown = [...usedFamilies].filter((name) => !made.has(name));
  const unused = [...made].filter((name) => !usedFamilies.has(name));
  return [
    ...unknown.map((name) => `${name} is asked for, and neither the service nor an exporter or a rule makes it`),
    ...unused.filter((name) => !(name in spareMetrics)).map((name) => `${name} is made, and no panel or rule uses it`),
    ...Object.keys(spareMetrics)
      .filter((name) => !unused.includes(name))
      .map((name) => `${name} is listed as spare, and is used or gone`),
  ];
}
