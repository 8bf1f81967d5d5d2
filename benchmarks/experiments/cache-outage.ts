import { openCacheOutages } from '../faults/cache-outage/cache-outage.ts';
import { databaseCoreUnavailable } from '../faults/cache-outage/database-core.ts';
import type { CacheOutage } from '../faults/cache-outage/outage-plan.ts';
import { capacityValue, outageTimeline } from '../faults/cache-outage/outage-timeline.ts';
import { leastServedShare } from '../faults/cache-outage/outage-verdict.ts';
import { pagesOf } from '../faults/cache-outage/page-reads.ts';
import type { RoleOfSeries, SeriesDefinition, TrialExperiment } from '../protocol/trial-experiment.ts';

const outage = {
  capacities: 1,
  faults: ['killed', 'frozen', 'slow'],
  seconds: { before: 3, fault: 5, back: 7 },
  capacitySeconds: { warmUp: 3, measured: 4 },
  intervalSeconds: 0.5,
  maxLoadsInFlight: 8,
  poolSize: 40,
  content: { performances: 10_000, randomSeed: 42, relativeTo: '2099-01-01T00:00:00.000Z' },
  pageSizes: 50,
  expectedSeconds: 6,
  latestStartSeconds: 0.05,
} satisfies CacheOutage;
const { seconds } = outage;

const inTurn = `for ${seconds.fault} s each, with ${seconds.back} s to recover after each`;
const allFaults = `Redis is killed and started again empty, frozen, and made 300 ms slow, ${inTurn}`;
const atRate = (capacities: number): string =>
  `reads by the clock at ${capacities} × what the same database has just served with the cache off`;

type Definition = Pick<SeriesDefinition, 'id' | 'label' | 'how' | 'mustHold' | 'trials'> & RoleOfSeries;

function series(definition: Definition, own: Partial<CacheOutage>): SeriesDefinition {
  return {
    ...definition,
    subject: 'reads',
    mayLose: false,
    unavailable: ({ database }) =>
      database === 'postgres'
        ? databaseCoreUnavailable()
        : Promise.resolve(
            'SQLite works inside the service, so that it can’t be given a core of its own: DATABASE=postgres',
          ),
    open: (request) => openCacheOutages({ ...outage, ...own }, request),
  };
}

export const experiment: TrialExperiment = {
  protocol: 'trials',
  id: 'cache-outage',
  title: 'Reads while the cache is out',
  question:
    'What do readers and the database see, second by second, while the Redis of the cache is dead, hung and slow, when they ask for what the database can serve, and for three times as much?',
  claim: {
    text: `At the database’s capacity every read is served. At three times as much, at least ${100 * leastServedShare} % of that capacity is, the rest gets 503 with Retry-After, never more than ${outage.maxLoadsInFlight} loads are at the database, and all is served again by itself within ${outage.expectedSeconds} s of the return.`,
  },
  order: 'interleaved',
  series: [
    series(
      {
        id: 'at-capacity',
        label: '1 × the capacity',
        how: `${allFaults}; ${atRate(1)}`,
        mustHold: '100 % answered 200 with the right body; the breaker opens where Redis hangs, and closes again',
        role: 'promise',
        trials: { quick: 1, full: 6 },
      },
      { capacities: 1 },
    ),
    series(
      {
        id: 'over-capacity',
        label: '3 × the capacity',
        how: `${allFaults}; ${atRate(3)}`,
        mustHold: `served up to the capacity (${100 * leastServedShare} % of it at least), the rest 503 with Retry-After; at most ${outage.maxLoadsInFlight} loads in flight; all served again within ${outage.expectedSeconds} s`,
        role: 'promise',
        trials: { quick: 1, full: 6 },
      },
      { capacities: 3 },
    ),
    series(
      {
        id: 'no-command-timeout',
        label: 'control: no command timeout',
        how: `the service without a timeout for commands of Redis; Redis is frozen for ${seconds.fault} s; ${atRate(1)}`,
        mustHold: 'must leave reads without an answer, or the harness is blind',
        role: 'control',
        mustShow: 'wrong',
        trials: { quick: 1, full: 3 },
      },
      { capacities: 1, faults: ['frozen'], control: 'no-command-timeout' },
    ),
    series(
      {
        id: 'unlimited-loads',
        label: 'control: no limit on loads',
        how: `the service without a limit on loads; Redis is killed for ${seconds.fault} s; ${atRate(3)}`,
        mustHold: `must push more than ${outage.maxLoadsInFlight} loads at once onto the database, or the harness is blind`,
        role: 'control',
        mustShow: { problem: 'loads in flight at the database' },
        trials: { quick: 1, full: 3 },
      },
      { capacities: 3, faults: ['killed'], control: 'unlimited-loads' },
    ),
  ],
  values: [
    {
      id: capacityValue,
      label: 'Capacity of the database, measured with the cache off',
      unit: '1/s',
      better: 'neither',
    },
    { id: 'served_in_faults_per_second', label: 'Served during the faults', unit: '1/s', better: 'higher' },
    { id: 'p99_killed_seconds', label: 'p99 of the served, Redis killed', unit: 's', better: 'lower' },
    { id: 'p99_frozen_seconds', label: 'p99 of the served, Redis frozen', unit: 's', better: 'lower' },
    { id: 'p99_slow_seconds', label: 'p99 of the served, Redis slow', unit: 's', better: 'lower' },
    { id: 'active_backends_largest', label: 'Most loads in flight, by the database', unit: '', better: 'lower' },
    { id: 'late_start_p99_seconds', label: 'Late starts of the load generator, p99', unit: 's', better: 'lower' },
    { id: 'repeated', label: 'Trials repeated for a late load generator', unit: '', better: 'lower' },
  ],
  comparisons: [],
  timeline: outageTimeline(outage.intervalSeconds, outage.maxLoadsInFlight),
  limits: [
    'PostgreSQL has one core of the machine to itself, so that its capacity is its own and not the machine’s. The service, Redis and the load generator share the others.',
    'The reads are list pages of all cities in turn, the dearest reads of the service, so that a slow generator will do. At 3 × the capacity a page comes round again while readers still wait for it, and they share its load: more reads are served than the database executes statements. Both are in the timeline.',
    'Loads in flight are sampled, twice a second, from the service’s own gauge and from pg_stat_activity: between two samples there may have been more.',
    'One machine, loopback, one process of the service, whose connections to Redis go through a TCP proxy of the lab.',
  ],
  settings: () => ({
    'pages in turn': pagesOf(outage.pageSizes).length,
    performances: outage.content.performances,
    'loads in flight, limit': outage.maxLoadsInFlight,
    'connections of the pool': outage.poolSize,
    'seconds of measuring the capacity': outage.capacitySeconds.measured,
    'seconds before the first fault': seconds.before,
    'seconds of a fault': seconds.fault,
    'seconds after a fault': seconds.back,
    'late starts allowed at the 99th percentile, s': outage.latestStartSeconds,
  }),
};
