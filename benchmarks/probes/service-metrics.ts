import type { RunningVariant } from '../environments/environment.ts';
import type { Probe } from './probe.ts';
import { type MetricLine, parsePrometheusText } from './prometheus-text.ts';

type Labels = MetricLine['labels'];

/** The sum of a metric's lines; throws when the page does not declare it. */
type Total = (name: string, where?: (labels: Labels) => boolean) => number;

/** What the service and its workers counted themselves, from the metrics pages of their admin servers. */
export function createServiceMetricsProbe(
  { adminUrl, workerAdminUrls }: Pick<RunningVariant, 'adminUrl' | 'workerAdminUrls'>,
  engine: 'postgres' | 'sqlite',
): Probe {
  return {
    async read() {
      // The workers first: what they have done by then is never more than what the service accepted until later.
      const workers = await Promise.all(workerAdminUrls.map(readTotals));
      const service = await readTotals(adminUrl);
      const together = (name: string, where?: (labels: Labels) => boolean): number =>
        [service, ...workers].reduce((sum, total) => sum + total(name, where), 0);
      return [
        {
          source: 'service /metrics',
          counters: countersOf(service, together, engine),
          levels: {
            seat_creation_backlog: backlogOf(service, together),
            event_loop_lag_p99_seconds: service('nodejs_eventloop_lag_p99_seconds'),
          },
        },
      ];
    },
    close: () => Promise.resolve(),
  };
}

async function readTotals(adminUrl: string): Promise<Total> {
  const url = new URL('/metrics', adminUrl).href;
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  const page = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${page.slice(0, 200)}`);
  const lines = parsePrometheusText(page);
  // A metric with labels has no line before its first event, but is declared: that is 0. Undeclared is an error.
  return (name, where = () => true) => {
    if (!page.includes(`# TYPE ${name.replace(/_count$/, '')} `)) throw new Error(`the service exports no ${name}`);
    return lines.filter((line) => line.name === name && where(line.labels)).reduce((sum, { value }) => sum + value, 0);
  };
}

function countersOf(service: Total, together: Total, engine: 'postgres' | 'sqlite'): Record<string, number> {
  const cacheResults = (result: string): number =>
    service('performance_cache_requests_total', (labels) => labels['result'] === result);
  return {
    service_statements: together('database_query_seconds_count'),
    cache_hits: cacheResults('hit'),
    cache_misses: cacheResults('miss'),
    cache_negatives: cacheResults('negative'),
    cache_bypasses: cacheResults('bypass'),
    cache_errors: cacheResults('error'),
    http_requests: service('http_server_request_duration_seconds_count'),
    http_errors: service('http_server_request_duration_seconds_count', (labels) => Number(labels['status']) >= 400),
    database_pool_timeouts: together('database_pool_timeouts_total'),
    seats_created: together('seat_creation_seats_created_total'),
    ...(engine === 'sqlite' && { database_cpu_seconds: together('database_cpu_seconds_total') }),
  };
}

/** Jobs since these processes were started: accepted less done less given up. */
function backlogOf(service: Total, together: Total): number {
  const accepted = service('seat_creation_publications_total', ({ result }) => result === 'accepted');
  const done = together('seat_creation_deliveries_total', ({ outcome }) => outcome === 'created');
  return accepted - done - together('seat_creation_dead_letters_total');
}
