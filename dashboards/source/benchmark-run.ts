import { chosen, type DashboardDefinition, type PanelDefinition } from './panel.ts';

type Pair = Omit<PanelDefinition, 'queries' | 'width' | 'title'> & {
  readonly title: string;
  /** PromQL with `$range` where a range selector, and `$shift` where an offset goes. */
  readonly expr: string;
  readonly legend: string;
  readonly moves: PanelDefinition['queries'][number]['moves'];
};

const requests = 'http_server_request_duration_seconds';
const shifted = (metric: string, matchers: string = chosen): string =>
  `rate(${metric}{${matchers}}[$__rate_interval]$shift)`;

const pairs: readonly Pair[] = [
  {
    title: 'Requests',
    description: 'Answers a second. Two runs compare only where this is the same.',
    unit: 'reqps',
    expr: `sum by (variant) (${shifted(`${requests}_count`)})`,
    legend: '{{variant}}',
    moves: 'reads',
  },
  {
    title: 'Duration, p99',
    description: 'Of all answers. Shared processors make it noisy: the report has the interval.',
    unit: 's',
    expr: `histogram_quantile(0.99, sum by (variant, le) (${shifted(`${requests}_bucket`)}))`,
    legend: '{{variant}}',
    moves: 'pool-held',
  },
  {
    title: 'CPU for each 1,000 requests',
    description: 'Of the service’s processes.',
    unit: 's',
    expr: `1000 * sum by (variant) (${shifted('process_cpu_seconds_total')}) / (sum by (variant) (${shifted(`${requests}_count`)}) > 0)`,
    legend: '{{variant}}',
    moves: 'reads',
  },
  {
    title: 'Time in the database',
    description: 'Seconds a second that statements take: with the cache a fraction of what it is without.',
    unit: 'short',
    expr: `sum by (variant) (${shifted('database_query_seconds_sum')})`,
    legend: '{{variant}}',
    moves: 'writes',
  },
  {
    title: 'Seats created',
    description: 'Committed seats a second.',
    unit: 'ops',
    expr: `sum by (variant) (${shifted('seat_creation_seats_created_total')})`,
    legend: '{{variant}}',
    moves: 'seat-creation',
  },
  {
    title: 'Resident memory',
    description: 'Of the service’s processes.',
    unit: 'bytes',
    expr: `sum by (variant) (process_resident_memory_bytes{${chosen}}$shift)`,
    legend: '{{variant}}',
    moves: 'reads',
  },
];

/** Two runs side by side: this one on the left, and one that began `$other` earlier on the right. */
export const benchmarkRun: DashboardDefinition = {
  id: 'benchmark-run',
  title: 'Ticketing: benchmark run',
  description:
    'A run as it goes on, with its blocks and variants as annotations. On the left the chosen time, on the right the same span $other earlier. What a run shows is decided by its report.',
  choices: { other: ['1h', '1m', '10m', '6h', '1d', '7d'] },
  rows: pairs.map(({ expr, legend, moves, title, ...frame }) => ({
    title,
    panels: [
      { ...frame, title, width: 12, queries: [{ expr: expr.replaceAll('$shift', ''), legend, moves }] },
      {
        ...frame,
        title: `${title}, $other earlier`,
        width: 12,
        queries: [{ expr: expr.replaceAll('$shift', ' offset $other'), legend, moves }],
      },
    ],
  })),
};
