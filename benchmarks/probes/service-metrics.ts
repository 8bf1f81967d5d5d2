import type { Probe } from './probe.ts';
import { type MetricLine, parsePrometheusText } from './prometheus-text.ts';

type Labels = MetricLine['labels'];

/** What the service counted itself, from the metrics page of its admin server. */
export function createServiceMetricsProbe(adminUrl: string, engine: 'postgres' | 'sqlite'): Probe {
  const url = new URL('/metrics', adminUrl).href;
  return {
    async read() {
      const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
      const page = await response.text();
      if (!response.ok) throw new Error(`${url} answered ${response.status}: ${page.slice(0, 200)}`);
      return [{ source: 'service /metrics', counters: countersOf(page, engine), levels: {} }];
    },
    close: () => Promise.resolve(),
  };
}

/** A metric with labels has no line before its first event, but is declared: that is 0. Undeclared is an error. */
function countersOf(page: string, engine: 'postgres' | 'sqlite'): Record<string, number> {
  const lines = parsePrometheusText(page);
  const total = (name: string, where: (labels: Labels) => boolean = () => true): number => {
    if (!page.includes(`# TYPE ${name.replace(/_count$/, '')} `)) throw new Error(`the service exports no ${name}`);
    return lines.filter((line) => line.name === name && where(line.labels)).reduce((sum, { value }) => sum + value, 0);
  };
  const cacheResults = (result: string): number =>
    total('performance_cache_requests_total', (labels) => labels['result'] === result);
  return {
    service_statements: total('database_query_seconds_count'),
    cache_hits: cacheResults('hit'),
    cache_misses: cacheResults('miss'),
    cache_negatives: cacheResults('negative'),
    cache_bypasses: cacheResults('bypass'),
    cache_errors: cacheResults('error'),
    http_requests: total('http_server_request_duration_seconds_count'),
    http_errors: total('http_server_request_duration_seconds_count', (labels) => Number(labels['status']) >= 400),
    database_pool_timeouts: total('database_pool_timeouts_total'),
    ...(engine === 'sqlite' && { database_cpu_seconds: total('database_cpu_seconds_total') }),
  };
}
