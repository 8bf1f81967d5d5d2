import { setTimeout as sleep } from 'node:timers/promises';

import type {
  OpenSeries,
  RoleOfSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { lateRecoveries, longestRecoveryMs } from '../late-recoveries.ts';
import { poll } from '../poll.ts';
import type { Metric } from '../service-metrics.ts';
import type { Stage } from '../stage.ts';
import { measureLoadsPerSecond } from './loads-per-second.ts';
import { type MetricWatch, watchMetrics } from './metric-watch.ts';
import { noJobs } from './no-jobs.ts';
import { apiUrlsOf, cacheControl, openReadsSeries, type ReadsSeriesRequest } from './open-reads-series.ts';
import { countReads, firstWrong, type ReadRecord, type RunningReads, startReads } from './read-load.ts';
import { type RedisFault, redisFaults } from './redis-faults.ts';
import { areBreakersClosed, watchServices } from './service-observation.ts';
import { type BackendWatch, slowLoads, watchBackends } from './slow-loads.ts';
import type { VersionedPerformances } from './versioned-performances.ts';

const mostLoads = 4;
/** So many connections that the limit on loads, and not the pool, keeps the database within its capacity. */
const poolSize = 16;
const loadSeconds = 0.05;
const loadQueueMs = 250;
const timesCapacity = 3;
/** At three times the capacity nobody asks twice for one while it is being loaded: each read is a load. */
const numberOfPerformances = 120;
const beforeMs = 500;
const faultMs = { quick: 2_500, full: 10_000 };
/** Of the capacity that was measured before, during the fault but for its beginning: the machine may be busy. */
const leastServed = 0.5;
/** So long without a refusal: more than all performances take once. */
const calmMs = 1_000;
const expectedSeconds = 5;

const inFlight: Metric = { name: 'performance_cache_loads_in_flight' };
const moves: readonly Metric[] = [
  inFlight,
  { name: 'performance_cache_load_seconds_count' },
  { name: 'performance_cache_requests_total', labels: { result: 'error' } },
  { name: 'performance_cache_overloads_total' },
];

interface Row extends Pick<SeriesDefinition, 'id' | 'label' | 'mustHold' | 'trials'> {
  /** By turns, one a trial. */
  readonly faults: readonly RedisFault[];
  readonly role: RoleOfSeries;
  /** Runs instead of the service. */
  readonly control?: string;
}

const rows: readonly Row[] = [
  {
    id: 'cache-overload',
    label: `each of these at ${timesCapacity} × capacity`,
    mustHold: `at least ${leastServed} of the capacity is served and the rest 503 with Retry-After; never more than ${mostLoads} loads in flight, by the metric and at the database; no refusal any more, expected within ${expectedSeconds} s`,
    role: { role: 'promise' },
    faults: redisFaults,
    trials: { quick: redisFaults.length, full: 5 * redisFaults.length },
  },
  {
    id: 'cache-unlimited-loads',
    label: 'control: no limit on loads',
    mustHold: `must be at the database with more than ${mostLoads} loads, or the harness is blind`,
    faults: redisFaults.filter(({ id }) => id === 'killed'),
    role: { role: 'control', mustShow: { problem: 'backends were at work' } },
    control: 'unlimited-loads',
    trials: { quick: 1, full: 3 },
  },
];

export const readsBeyondCapacity: readonly SeriesDefinition[] = rows.map((row) => ({
  id: row.id,
  label: row.label,
  how: `${row.faults.map(({ label }) => label).join(', ')}, for ${faultMs.quick / 1_000} s (full: ${faultMs.full / 1_000} s); the database does ${mostLoads} loads at a time and takes ${loadSeconds * 1_000} ms for each, the service is told so; reads by the clock of ${numberOfPerformances} performances, ${timesCapacity} times as many as it has loaded into the empty cache a second, just before`,
  mustHold: row.mustHold,
  ...row.role,
  subject: 'reads',
  mayLose: false,
  trials: row.trials,
  unavailable: ({ database }) =>
    Promise.resolve(
      database === 'postgres' ? undefined : 'SQLite has no backends to be slowed and counted: take DATABASE=postgres',
    ),
  open: (request) => openOverload(row, request),
}));

function openOverload({ faults, control }: Row, request: SeriesRequest): Promise<OpenSeries> {
  const settings: Readonly<Record<string, string>> = Object.assign(
    {},
    ...faults.map(({ stage }) => stage?.redisCache?.settings),
  );
  const stageRequest: ReadsSeriesRequest = {
    performances: numberOfPerformances,
    proxied: ['redisCache'],
    redisCache: { settings },
    configuration: {
      DATABASE_POOL_SIZE: String(poolSize),
      PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT: String(mostLoads),
      PERFORMANCE_CACHE_LOAD_QUEUE_TIMEOUT_MS: String(loadQueueMs),
    },
    ...(control !== undefined && { entry: cacheControl(control) }),
  };
  let slowed: Promise<void> | undefined;
  return openReadsSeries(request, stageRequest, (stage, performances) => async (context) => {
    const fault = faults[(context.trial - 1) % faults.length];
    if (!fault) throw new Error(`trial ${context.trial} has no fault`);
    await (slowed ??= slowLoads(stage.database.url, { seconds: loadSeconds, atATime: mostLoads }));
    return runTrial({ stage, performances, fault, faultMs: faultMs[request.profile] }, context);
  });
}

interface OverloadTrial {
  readonly stage: Stage;
  readonly performances: VersionedPerformances;
  readonly fault: RedisFault;
  readonly faultMs: number;
}

async function runTrial(trial: OverloadTrial, context: TrialContext): Promise<TrialOutcome> {
  const { stage, fault } = trial;
  const { signal } = context;
  context.step('measuring the capacity');
  const watch = await watchServices(stage.apis);
  const load = { performances: trial.performances, inFlight: mostLoads + 2, signal };
  const capacity = await measureLoadsPerSecond(stage, load);
  const backends = await watchBackends(stage.database.url, signal);
  try {
    const metrics = await watchMetrics(stage.apis, signal);
    const overload = await overloadFor({ ...trial, capacity }, context);
    await metrics.stop();
    const { reads, servedPerSecond, recoverySeconds } = overload;
    return {
      ...noJobs,
      faults: 1,
      recoverySeconds: [...recoverySeconds],
      reads: countReads(reads),
      values: {
        capacity_per_second: capacity,
        served_of_capacity: servedPerSecond / capacity,
        most_active_backends: backends.most(),
      },
      problems: [
        ...firstWrong(reads),
        ...(await watch.problems(fault)),
        ...metrics.unmoved(moves),
        ...tooManyLoads(metrics, backends),
        ...wrongShare({ reads, servedPerSecond, capacity }),
        ...lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds }),
      ].map((problem) => `${fault.label}: ${problem}`),
    };
  } finally {
    await backends.stop();
  }
}

interface Overload {
  readonly reads: readonly ReadRecord[];
  readonly servedPerSecond: number;
  readonly recoverySeconds: readonly number[];
}

async function overloadFor(
  { stage, performances, fault, faultMs: lastsMs, capacity }: OverloadTrial & { readonly capacity: number },
  context: TrialContext,
): Promise<Overload> {
  const { signal } = context;
  const pace = { perSecond: timesCapacity * capacity };
  const reads = startReads({ performances, apiUrls: apiUrlsOf(stage), pace, pageEvery: 0, signal });
  try {
    await sleep(beforeMs, undefined, { signal });
    context.step(`${fault.label}, ${Math.round(pace.perSecond)} reads a second`);
    const beganAtMs = performance.now();
    const end = await fault.begin(stage);
    try {
      await sleep(beganAtMs + lastsMs - performance.now(), undefined, { signal });
    } finally {
      await end();
    }
    const endedAtMs = performance.now();
    context.step('waiting until nobody is refused');
    const calmAtMs = await untilCalm(reads, endedAtMs, signal);
    await untilBreakersClose(stage, signal);
    await reads.end();
    return {
      reads: reads.records,
      servedPerSecond: servedPerSecond(reads.records, beganAtMs + beforeMs, endedAtMs),
      recoverySeconds: calmAtMs === undefined ? [] : [(calmAtMs - endedAtMs) / 1_000],
    };
  } finally {
    await reads.end();
  }
}

/** Of those that were asked in [from, to). */
function servedPerSecond(records: readonly ReadRecord[], fromMs: number, toMs: number): number {
  const served = records.filter(
    ({ outcome, startedAtMs }) => outcome === 'answered' && startedAtMs >= fromMs && startedAtMs < toMs,
  );
  return (1_000 * served.length) / (toMs - fromMs);
}

/** When the last read was asked that was refused; `undefined` when there were more and more of them. */
async function untilCalm({ records }: RunningReads, afterMs: number, signal: AbortSignal): Promise<number | undefined> {
  const findCalm = (): number | undefined => {
    const lastRefused = records.findLast(({ outcome }) => outcome === 'refused')?.startedAtMs ?? 0;
    const calmAtMs = Math.max(afterMs, lastRefused);
    return performance.now() - calmAtMs > calmMs ? calmAtMs : undefined;
  };
  return poll(findCalm, { everyMs: 20, withinMs: longestRecoveryMs(expectedSeconds) + calmMs, signal });
}

/** While reads go on: it is one of them that closes a breaker. One that stays open is found by the watch of the services. */
async function untilBreakersClose({ apis }: Stage, signal: AbortSignal): Promise<void> {
  const withinMs = longestRecoveryMs(expectedSeconds);
  await poll(async () => (await areBreakersClosed(apis)) || undefined, { everyMs: 100, withinMs, signal });
}

function tooManyLoads(metrics: MetricWatch, backends: BackendWatch): string[] {
  const [byMetric, atDatabase] = [metrics.most(inFlight), backends.most()];
  return [
    ...(byMetric > mostLoads ? [`${byMetric} loads were in flight by the metric, of ${mostLoads} at most`] : []),
    ...(atDatabase > mostLoads ? [`${atDatabase} backends were at work, of ${mostLoads} at most`] : []),
  ];
}

function wrongShare({
  reads,
  servedPerSecond: served,
  capacity,
}: Pick<Overload, 'reads' | 'servedPerSecond'> & { readonly capacity: number }): string[] {
  return [
    ...(served < leastServed * capacity
      ? [`${served.toFixed(1)} reads a second were served, of ${capacity.toFixed(1)} that the database can serve`]
      : []),
    ...(reads.some(({ outcome }) => outcome === 'refused')
      ? []
      : [`nothing was refused: ${timesCapacity} times the capacity was not reached`]),
  ];
}
