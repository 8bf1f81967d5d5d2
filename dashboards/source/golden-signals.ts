import { chosen, type DashboardDefinition, perSecond, quantile } from './panel.ts';

const requests = 'http_server_request_duration_seconds';
const nothingLimits = { stands: 'the limit of this machine, which no load changes' } as const;

/** Rate, errors, duration and saturation of the service: the first look. */
export const goldenSignals: DashboardDefinition = {
  id: 'golden-signals',
  title: 'Ticketing: golden signals',
  description: 'Is the service well? Rate, errors and duration by route, error budgets, and what it uses.',
  rows: [
    {
      title: 'Rate, errors, duration',
      panels: [
        {
          title: 'Requests by route',
          description: 'Answers a second. A fall to 0 with no deploy under way: look at the targets below.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (method, route) (${perSecond(`${requests}_count`)}) > 0`,
              legend: '{{method}} {{route}}',
              moves: 'reads',
            },
          ],
        },
        {
          title: 'Answers that are refusals or failures',
          description:
            '5xx count against the error budgets. 503 with a Retry-After is the service protecting itself: the data layer says from what. 4xx are the clients’ own.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (status) (${perSecond(`${requests}_count`, `${chosen}, status=~"5.."`)})`,
              legend: '{{status}}',
              moves: 'pool-held',
            },
            {
              expr: `sum(${perSecond(`${requests}_count`, `${chosen}, status=~"4.."`)})`,
              legend: '4xx',
              moves: 'malformed-requests',
            },
            {
              expr: `sum(${perSecond('http_server_unparsed_requests_total')})`,
              legend: 'not HTTP',
              moves: 'malformed-requests',
            },
          ],
        },
        {
          title: 'Duration of reads',
          description:
            'GET requests. A p99 far above the p50 means waiting: for a connection, a load, or the event loop.',
          unit: 's',
          queries: [0.5, 0.95, 0.99].map((share) => ({
            expr: `histogram_quantile(${share}, sum by (le) (${perSecond(`${requests}_bucket`, `${chosen}, method="GET"`)}))`,
            legend: `p${share * 100}`,
            moves: 'pool-held' as const,
          })),
        },
        {
          title: 'p95 by route',
          description: 'Which route is slow. Seat lists of large halls may be; performances may not.',
          unit: 's',
          width: 12,
          queries: [{ expr: quantile(0.95, requests, ['route']), legend: '{{route}}', moves: 'reads' }],
        },
        {
          title: 'Error budgets: burn rate over 5 minutes and 1 hour',
          description:
            '1 uses the budget up in 30 days exactly. 14.4 over both windows pages: 2 % of the month in an hour.',
          unit: 'short',
          width: 12,
          queries: [
            { expr: 'slo:burn_rate:ratio_rate5m', legend: '{{slo}}, 5 min', moves: 'pool-held' },
            { expr: 'slo:burn_rate:ratio_rate1h', legend: '{{slo}}, 1 h', moves: 'pool-held' },
          ],
        },
      ],
    },
    {
      title: 'Saturation',
      panels: [
        {
          title: 'CPU',
          description:
            'Cores used by each process, and by its control group. One process runs on one core, and its helpers.',
          unit: 'short',
          queries: [
            { expr: perSecond('process_cpu_seconds_total'), legend: '{{role}} {{instance}}', moves: 'reads' },
            { expr: perSecond('cgroup_cpu_seconds_total'), legend: 'group of {{role}} {{instance}}', moves: 'reads' },
            {
              expr: `cgroup_cpu_limit_cores{${chosen}} < Inf`,
              legend: 'limit of {{role}} {{instance}}',
              moves: 'resources-limited',
            },
          ],
        },
        {
          title: 'CPU by kind',
          description: 'Much system time is many small writes, or memory that comes and goes.',
          unit: 'short',
          stacked: true,
          queries: [
            { expr: `sum(${perSecond('process_cpu_user_seconds_total')})`, legend: 'user', moves: 'reads' },
            { expr: `sum(${perSecond('process_cpu_system_seconds_total')})`, legend: 'system', moves: 'reads' },
          ],
        },
        {
          title: 'Throttled by the CPU limit',
          description:
            'Share of periods in which the limit was reached, and seconds a second that threads waited. Above 0.25 raise the limit.',
          unit: 'percentunit',
          queries: [
            {
              expr: `${perSecond('cgroup_cpu_throttled_periods_total')} / (${perSecond('cgroup_cpu_periods_total')} > 0)`,
              legend: '{{role}} {{instance}}',
              moves: 'resources-limited',
            },
            {
              expr: perSecond('cgroup_cpu_throttled_seconds_total'),
              legend: 'waited, {{role}} {{instance}}',
              moves: 'resources-limited',
            },
          ],
        },
        {
          title: 'Memory',
          description: 'Resident memory, and what the control group is charged. Near the limit the kernel kills.',
          unit: 'bytes',
          queries: [
            { expr: `process_resident_memory_bytes{${chosen}}`, legend: '{{role}} {{instance}}', moves: 'reads' },
            {
              expr: `cgroup_memory_bytes{${chosen}}`,
              legend: 'group of {{role}} {{instance}}',
              moves: { varies: 'reads', because: 'everything else on the machine is in the same group' },
            },
            {
              expr: `cgroup_memory_limit_bytes{${chosen}} < Inf`,
              legend: 'limit of {{role}} {{instance}}',
              moves: 'resources-limited',
            },
          ],
        },
        {
          title: 'Heap',
          description: 'What JavaScript holds. A floor that rises from collection to collection is a leak.',
          unit: 'bytes',
          queries: [
            { expr: `nodejs_heap_size_used_bytes{${chosen}}`, legend: 'used, {{role}} {{instance}}', moves: 'reads' },
            {
              expr: `nodejs_heap_size_total_bytes{${chosen}}`,
              legend: 'reserved, {{role}} {{instance}}',
              moves: 'reads',
            },
            {
              expr: `nodejs_external_memory_bytes{${chosen}}`,
              legend: 'buffers, {{role}} {{instance}}',
              moves: 'reads',
            },
          ],
        },
        {
          title: 'Event loop delay',
          description: 'How late timers are. Above 0.1 s something computes for too long on the one thread.',
          unit: 's',
          queries: [
            {
              expr: `nodejs_eventloop_lag_p50_seconds{${chosen}}`,
              legend: 'p50, {{role}} {{instance}}',
              moves: 'reads',
            },
            {
              expr: `nodejs_eventloop_lag_p99_seconds{${chosen}}`,
              legend: 'p99, {{role}} {{instance}}',
              moves: 'loop-blocked',
            },
            {
              expr: `nodejs_eventloop_lag_max_seconds{${chosen}}`,
              legend: 'max, {{role}} {{instance}}',
              moves: 'loop-blocked',
            },
          ],
        },
        {
          title: 'Garbage collection',
          description: 'Share of time by kind of collection. Many major ones: the heap is too small, or a leak.',
          unit: 'percentunit',
          queries: [
            {
              expr: `sum by (kind) (${perSecond('nodejs_gc_duration_seconds_sum')})`,
              legend: '{{kind}}',
              moves: { varies: 'reads', because: 'scraped every second, a quiet process collects as much' },
            },
          ],
        },
        {
          title: 'File descriptors and resources',
          description: 'Open sockets and files, and what keeps the event loop alive. A steady rise is a leak.',
          unit: 'short',
          queries: [
            { expr: `process_open_fds{${chosen}}`, legend: 'open, {{role}} {{instance}}', moves: 'reads' },
            {
              expr: `nodejs_active_resources_total{${chosen}}`,
              legend: 'resources, {{role}} {{instance}}',
              moves: 'reads',
            },
            { expr: `process_max_fds{${chosen}}`, legend: 'limit, {{role}} {{instance}}', moves: nothingLimits },
          ],
        },
        {
          title: 'Targets',
          description: '1 while Prometheus can scrape it; age of each process: a restart is a step to 0.',
          unit: 'short',
          queries: [
            { expr: 'up', legend: '{{job}} {{instance}}', moves: 'consumer-killed' },
            {
              expr: `(time() - process_start_time_seconds{${chosen}}) / 3600`,
              legend: 'hours, {{role}} {{instance}}',
              moves: 'reads',
            },
          ],
        },
      ],
    },
  ],
};
