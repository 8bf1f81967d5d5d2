import type { MetricDefinition } from '../evidence/schema.ts';
import { createHalls, createVenue } from '../faults/create-halls.ts';
import { waitForEmptyBacklog } from '../probes/seat-creation-backlog.ts';
import { checkSeats } from '../protocol/content.ts';
import type { Experiment, LoadPreparation, Profile } from '../protocol/experiment.ts';
import { recordedGuardLimits } from '../protocol/guard-limits.ts';
import { hallsForLoad, readsBesideSeatsWorkload as workload } from '../scenarios/reads-beside-seats-workload.ts';
import { listPages } from '../scenarios/performance-workload.ts';

const seatsPerJob = workload.seatsPerJob.toLocaleString('en');
const seatsPerSecond = (workload.jobsPerSecond * workload.seatsPerJob).toLocaleString('en');

/** Longer than a slot: what expires inside a window is not what this is about. */
const cacheTtlSeconds = 60;

const quick: Profile = {
  name: 'quick',
  cacheTtlSeconds,
  warmUpSeconds: 3,
  windowSeconds: 6,
  blocks: 6,
  blocksBetweenRestarts: 3,
  sweep: [],
  calibration: { warmUpSeconds: 1.5, windowSeconds: 3 },
};

const full: Profile = { ...quick, name: 'full', warmUpSeconds: 4, windowSeconds: 15, blocks: 10 };

const readLatency = (id: string, label: string, quantile: number) =>
  ({
    id,
    label,
    unit: 's',
    better: 'lower',
    source: { kind: 'percentile', quantile, routes: ['list', 'detail'] },
    role: 'shown',
  }) satisfies MetricDefinition;

const percentOfCore = (id: string, label: string, numerator: string[]) =>
  ({
    id,
    label,
    unit: '%',
    better: 'lower',
    source: { kind: 'ratio', numerator, denominator: ['window_seconds'], scale: 100 },
    role: 'shown',
  }) satisfies MetricDefinition;

const level = (id: string, label: string, unit: string, better: 'lower' | 'neither' = 'neither') =>
  ({ id, label, unit, better, source: { kind: 'level', sample: id }, role: 'shown' }) satisfies MetricDefinition;

function metrics(database: 'postgres' | 'sqlite'): MetricDefinition[] {
  return [
    { ...readLatency('latency_p99', 'Latency of reads, p99', 0.99), role: 'primary', floor: 0.25 },
    readLatency('latency_p95', 'Latency of reads, p95', 0.95),
    readLatency('latency_p50', 'Latency of reads, p50', 0.5),
    level('failed_reads', 'Failed reads', 'requests', 'lower'),
    level('event_loop_lag_p99_seconds', 'Event loop of the API, p99 between ticks of 10 ms', 's', 'lower'),
    {
      ...percentOfCore('all_cpu_percent', 'CPU of database, service and worker', [
        'database_cpu_seconds',
        'service_cpu_seconds',
        'worker_cpu_seconds',
      ]),
      role: 'secondary',
      floor: 0.05,
    },
    percentOfCore('database_cpu_percent', 'Database CPU, of one core', ['database_cpu_seconds']),
    percentOfCore('service_cpu_percent', 'Service CPU, of one core', ['service_cpu_seconds']),
    percentOfCore('worker_cpu_percent', 'Worker CPU, of one core', ['worker_cpu_seconds']),
    {
      id: 'seats_per_second',
      label: 'Seats created',
      unit: 'seats/s',
      better: 'neither',
      source: { kind: 'ratio', numerator: ['seats_created'], denominator: ['window_seconds'], scale: 1 },
      role: 'shown',
    },
    level('seat_creation_backlog', 'Jobs accepted and not done at a window’s end', 'jobs', 'lower'),
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
    ...(database === 'postgres' ? [level('database_resident_bytes', 'Memory of the database', 'bytes')] : []),
    level('service_resident_bytes', 'Memory of the service', 'bytes'),
    level('worker_resident_bytes', 'Memory of the worker', 'bytes'),
    level('redis_queue_resident_bytes', 'Memory of the queue’s Redis', 'bytes'),
  ];
}

/** New halls for every load, so that it is never refused, however often a slot is repeated. */
async function prepareLoad({ variant, durationSeconds }: LoadPreparation) {
  const venueId = await createVenue(variant);
  const halls = { count: hallsForLoad(durationSeconds), seatsEach: workload.seatsPerJob };
  const hallIds = await createHalls(variant, venueId, halls);
  return { HALL_IDS: hallIds.toSorted((one, other) => one - other).join(',') };
}

export const experiment: Experiment = {
  protocol: 'blocks',
  id: 'seat-creation-interference',
  title: 'Reads while seats are created',
  question:
    'What happens to the p99 and the errors of reads while seats are created, in the process that serves them or by a worker process beside it?',
  claim: () => ({
    text: 'While seats are created by a worker process, the p99 of reads is not higher than while the process that serves them creates the seats itself.',
    metric: 'latency_p99',
    variant: 'change',
    relation: 'at-most',
    bound: 1,
    finding: `While ${seatsPerSecond} seats a second were created, the p99 of reads was {after} with a worker and {before} in the process, at {rate} reads/s: a ratio of {ratio}.`,
  }),
  variants: [
    {
      id: 'before',
      label: 'in the process',
      description:
        'The process that answers the reads takes the jobs into a bounded pool of its own and does them, without a queue on disk.',
      configuration: { SEAT_CREATION: 'async', PERFORMANCE_CACHE: 'look-aside' },
    },
    {
      id: 'after',
      label: 'by a worker',
      description:
        'The process that answers the reads writes each job into a Redis stream (appendfsync always); a worker process takes it from there.',
      configuration: { SEAT_CREATION: 'stream', PERFORMANCE_CACHE: 'look-aside' },
      workers: 1,
    },
  ],
  metrics,
  limits: [
    'The machine’s CPUs are shared by the load generator, the service, the worker, two Redis servers and the database: a worker process takes work off the event loop, not off the machine. On a machine of its own it would.',
    'Seats are expanded inside the database, by one statement: in neither variant does the event loop see them. What is left to interfere is the database’s CPU and disk, the pool’s connections, and the queue’s fsync.',
    'The p99 is the noisiest of the metrics: from one block to the next, that of the same code differed by 87 % (standard deviation) on a machine like this one. What this run could have detected is printed; a change below it may be there and would not have been seen.',
    'What the two variants promise differs: in the process, accepted jobs end with it; by the stream, none is lost. This compares what they do to reads, not what they are worth.',
    `One load: ${workload.readsPerSecond} reads/s, ${workload.jobsPerSecond} jobs/s of ${seatsPerJob} seats. Bursts, larger halls and a database at its limit were not tried.`,
    'Reads are cached in both variants, with a TTL longer than a slot, so that they are cheap and what they wait for shows; the cache is emptied before each slot, and the details that are not asked for twice still meet the database.',
    'The tables of seats grow over the run, alike in both variants; autovacuum is off.',
  ],
  profiles: { quick, full },
  workload: { ...workload },
  content: { performances: workload.performances, showtimesPerPerformance: workload.showtimesPerPerformance },
  open: { script: 'reads-beside-seats.ts', readsPerSecond: workload.readsPerSecond },
  seats: { jobsPerSecond: workload.jobsPerSecond, seatsPerJob: workload.seatsPerJob },
  guards: {
    calibration: [],
    measured: [
      'achieved-rate',
      'dropped-iterations',
      'failed-requests',
      'wrong-bodies',
      'request-counts',
      'seats-created',
      'generator-cpu',
      'virtual-users',
      'schedule-lag',
      'cpu-budget',
      'database-cpu-sources',
      'clock-step',
      'percentiles-agree',
      'evictions',
      'keys-without-ttl',
      'foreign-cpu',
      'steal',
    ],
    sweep: [],
    closed: [],
  },
  guardLimits: { ...recordedGuardLimits, seatsCreatedShare: 0.95 },
  configuration: (profile) => ({ PERFORMANCE_CACHE_TTL_MS: String(1000 * profile.cacheTtlSeconds) }),
  prepareLoad,
  settleLoad: (variant, signal) => waitForEmptyBacklog(variant, { timeoutMs: 30_000, signal }),
  checkOutcome: async (variant) => [await checkSeats(variant)],
  comparedPaths: listPages().map(
    ({ genre, city }) => `/performances?${new URLSearchParams({ genre, city }).toString()}`,
  ),
  describeContent: () => Promise.resolve([]),
};
