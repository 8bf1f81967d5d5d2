import { predictHitRatio } from '../analysis/predicted-hit-ratio.ts';
import type { RunningVariant } from '../environments/environment.ts';
import type { MetricDefinition } from '../evidence/schema.ts';
import type { Experiment, Profile } from '../protocol/experiment.ts';
import { recordedGuardLimits } from '../protocol/guard-limits.ts';
import { listPages, performanceIdOfRank, performanceWorkload } from '../scenarios/performance-workload.ts';

const databaseNames = { postgres: 'PostgreSQL', sqlite: 'SQLite' } as const;

/** The service spreads its TTLs by this much to both sides; part of its documented behaviour. */
const ttlJitter = 0.1;

const quick: Profile = {
  name: 'quick',
  cacheTtlSeconds: 3,
  warmUpSeconds: 3,
  windowSeconds: 4,
  blocks: 6,
  blocksBetweenRestarts: 3,
  sweep: [],
  calibration: { warmUpSeconds: 1.5, windowSeconds: 3 },
};

const full: Profile = {
  name: 'full',
  cacheTtlSeconds: 10,
  warmUpSeconds: 10,
  windowSeconds: 15,
  blocks: 10,
  blocksBetweenRestarts: 3,
  sweep: [0.25, 0.5, 0.75, 1, 1.25],
  calibration: { warmUpSeconds: 3, windowSeconds: 8 },
};

const perThousandRequests = (id: string, label: string, numerator: string[], unit = 'per 1,000 requests') =>
  ({
    id,
    label,
    unit,
    better: 'lower',
    source: { kind: 'ratio', numerator, denominator: ['requests'], scale: 1000 },
    role: 'secondary',
    floor: 0.05,
  }) satisfies MetricDefinition;

const latency = (id: string, label: string, quantile: number): MetricDefinition => ({
  id,
  label,
  unit: 's',
  better: 'lower',
  source: { kind: 'percentile', quantile, routes: ['list', 'detail'] },
  role: 'shown',
});

const perSecond = (id: string, label: string, numerator: string, better: 'lower' | 'neither'): MetricDefinition => ({
  id,
  label,
  unit: '1/s',
  better,
  source: { kind: 'ratio', numerator: [numerator], denominator: ['window_seconds'], scale: 1 },
  role: 'shown',
});

const level = (id: string, label: string, sample: string, unit: string): MetricDefinition => ({
  id,
  label,
  unit,
  better: 'neither',
  source: { kind: 'level', sample },
  role: 'shown',
});

function metrics(database: 'postgres' | 'sqlite'): MetricDefinition[] {
  const onPostgres = database === 'postgres';
  return [
    {
      id: 'database_cpu_percent',
      label: `${databaseNames[database]} CPU, of one core`,
      unit: '%',
      better: 'lower',
      source: { kind: 'ratio', numerator: ['database_cpu_seconds'], denominator: ['window_seconds'], scale: 100 },
      role: 'primary',
      floor: 0.05,
    },
    perThousandRequests(
      'database_cpu_seconds_per_1000',
      'Database CPU',
      ['database_cpu_seconds'],
      's per 1,000 requests',
    ),
    perThousandRequests('service_cpu_seconds_per_1000', 'Service CPU', ['service_cpu_seconds'], 's per 1,000 requests'),
    perThousandRequests('statements_per_1000', 'Statements', [
      onPostgres ? 'database_statements' : 'service_statements',
    ]),
    ...(onPostgres
      ? [perThousandRequests('shared_buffers_per_1000', 'Shared buffers', ['database_shared_buffers'])]
      : []),
    perSecond('requests_per_second', 'Requests', 'requests', 'neither'),
    perSecond(
      'statements_per_second',
      'Statements',
      onPostgres ? 'database_statements' : 'service_statements',
      'lower',
    ),
    latency('latency_p50', 'Latency p50', 0.5),
    latency('latency_p95', 'Latency p95', 0.95),
    latency('latency_p99', 'Latency p99', 0.99),
    {
      id: 'hit_ratio',
      label: 'Hit ratio',
      unit: '%',
      better: 'higher',
      source: {
        kind: 'ratio',
        numerator: ['cache_hits', 'cache_negatives'],
        denominator: ['cache_hits', 'cache_negatives', 'cache_misses', 'cache_bypasses'],
        scale: 100,
      },
      role: 'shown',
    },
    ...(onPostgres
      ? [level('database_resident_bytes', 'Memory of the database', 'database_resident_bytes', 'bytes')]
      : []),
    level('service_resident_bytes', 'Memory of the service', 'service_resident_bytes', 'bytes'),
    level('redis_cache_resident_bytes', 'Memory of the cache’s Redis', 'redis_cache_resident_bytes', 'bytes'),
    level('redis_queue_resident_bytes', 'Memory of the queue’s Redis', 'redis_queue_resident_bytes', 'bytes'),
    level('redis_cache_keys', 'Keys in the cache', 'redis_cache_keys', 'keys'),
    level('redis_cache_used_bytes', 'Bytes in the cache', 'redis_cache_used_bytes', 'bytes'),
    level('catalogue_keys', 'Answers in the whole catalogue', 'catalogue_keys', 'keys'),
    level('catalogue_bytes', 'Bytes of the whole catalogue', 'catalogue_bytes', 'bytes'),
  ];
}

const listPath = ({ genre, city }: { genre: string; city: string }): string =>
  `/performances?${new URLSearchParams({ genre, city }).toString()}`;

const detailPath = (rank: number): string => `/performances/${performanceIdOfRank(rank)}`;

const sampledDetails = 200;

async function bodyBytes(variant: RunningVariant, path: string): Promise<number> {
  const response = await fetch(new URL(path, variant.apiUrl));
  if (!response.ok) throw new Error(`GET ${path} answered ${response.status} before the run began`);
  return (await response.arrayBuffer()).byteLength;
}

/** Every first list page, and every detail estimated from evenly spaced ones. */
async function describeContent(variant: RunningVariant) {
  const pages = listPages();
  let listBytes = 0;
  for (const page of pages) listBytes += await bodyBytes(variant, listPath(page));
  let detailBytes = 0;
  const step = performanceWorkload.performances / sampledDetails;
  for (let sampled = 0; sampled < sampledDetails; sampled += 1) {
    detailBytes += await bodyBytes(variant, detailPath(Math.floor(sampled * step)));
  }
  return [
    { metric: 'catalogue_keys', value: pages.length + performanceWorkload.performances, unit: 'keys' },
    { metric: 'catalogue_bytes', value: listBytes + Math.round(detailBytes * step), unit: 'bytes' },
  ];
}

const everyGuard = [
  'achieved-rate',
  'dropped-iterations',
  'failed-requests',
  'wrong-bodies',
  'request-counts',
  'generator-cpu',
  'virtual-users',
  'schedule-lag',
  'hit-ratio',
  'cpu-budget',
  'database-cpu-sources',
  'clock-step',
  'percentiles-agree',
  'evictions',
  'keys-without-ttl',
  'foreign-cpu',
  'steal',
] as const;

export const experiment: Experiment = {
  protocol: 'blocks',
  id: 'performance-cache',
  title: 'A look-aside cache for the main page',
  question:
    'At the arrival rate that keeps the database busy for 80 % of a core, how much of a core does it need once a look-aside cache stands in front of it?',
  claim: (database) => ({
    text: `With the look-aside cache ${databaseNames[database]} needs 20 % of a core or less, at the arrival rate that was set to keep it near 80 % without it.`,
    metric: 'database_cpu_percent',
    variant: 'after',
    relation: 'at-most',
    bound: 20,
    finding: `With the look-aside cache ${databaseNames[database]} used {after} of a core at {rate} reads/s, and {before} without it: {change}.`,
  }),
  variants: [
    {
      id: 'before',
      label: 'without a cache',
      description:
        'Every read meets the database, by a query that chooses its 20 performances first and then enriches them.',
      configuration: { PERFORMANCE_CACHE: 'off' },
    },
    {
      id: 'after',
      label: 'look-aside cache',
      description:
        'Reads are answered from Redis with the stored bytes; a miss is loaded once under a lease and kept for one TTL.',
      configuration: { PERFORMANCE_CACHE: 'look-aside' },
    },
  ],
  metrics,
  limits: [
    'The arrival rate was set so that the database stands near 80 % of a core without the cache; the sweep of the full profile shows other rates.',
    'One machine, whose CPUs the load generator, the service, Redis and the database share, over loopback. Where CPUs are virtual, levels move with the host; the blocks meet both variants alike.',
    'The data were chosen to fit into the database’s memory (256 MB of shared buffers for PostgreSQL). Autovacuum is off, after a VACUUM of the filled tables.',
    'The lab’s TTL is shorter than the service’s default of 30 s, which makes the cache look worse than it would be; so does the quick profile’s window, which begins just before the first wave of expiries.',
    'One performance changes 4 s after the start of a slot, then one every 10 s; a site with many more writes would hit less often.',
    'Latency is shown, not tested: two runs of the same code differ in it by more than the effects that matter.',
  ],
  profiles: { quick, full },
  workload: { ...performanceWorkload },
  content: {
    performances: performanceWorkload.performances,
    showtimesPerPerformance: performanceWorkload.showtimesPerPerformance,
  },
  open: { script: 'performance-reads.ts', targetDatabaseCpuPercent: 80, firstGuessPerSecond: 300 },
  closed: { script: 'performance-users.ts', virtualUsers: 1000, windowSeconds: 8 },
  guards: {
    calibration: ['wrong-bodies'],
    measured: everyGuard,
    sweep: ['wrong-bodies', 'hit-ratio', 'foreign-cpu', 'steal'],
    closed: ['failed-requests', 'wrong-bodies', 'generator-cpu', 'hit-ratio', 'foreign-cpu', 'steal'],
  },
  guardLimits: { ...recordedGuardLimits, hitRatioErrorOfSlot: 0.06, hitRatioErrorOfRun: 0.02 },
  configuration: ({ cacheTtlSeconds }) => ({ PERFORMANCE_CACHE_TTL_MS: String(1000 * cacheTtlSeconds) }),
  predictHitRatio: ({ cacheTtlSeconds, warmUpSeconds, windowSeconds }, readsPerSecond) =>
    predictHitRatio({
      workload: performanceWorkload,
      readsPerSecond,
      ttlSeconds: cacheTtlSeconds,
      ttlJitter,
      warmUpSeconds,
      windowSeconds,
    }),
  comparedPaths: [
    ...listPages().map(listPath),
    ...Array.from({ length: performanceWorkload.writtenRanks }, (_, rank) => detailPath(rank)),
  ],
  describeContent,
};
