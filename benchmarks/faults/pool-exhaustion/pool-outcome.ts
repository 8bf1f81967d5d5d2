import type { PoolHolders } from '../../evidence/pool-holders-schema.ts';
import type { Timeline } from '../../evidence/timeline-schema.ts';
import type { TrialOutcome } from '../../protocol/trial-experiment.ts';
import { countPageReads, type PageRead, percentileOf } from '../cache-outage/page-reads.ts';
import { noJobs } from '../cache-rows/no-jobs.ts';
import { readsByInterval } from '../reads-timeline.ts';
import { compact } from '../timeline-recorder.ts';
import { acquireQuantileSeconds, type PoolMetrics } from './pool-metrics.ts';
import type { PoolObservation, PoolTrial } from './pool-observation.ts';

/** In the problem of every trial whose pool ran dry; a control must show it. */
export const exhausted = 'the pool was exhausted';
/** Callers of a pool that is large enough have a connection within this, at the 99th percentile. */
const acquireWithinSeconds = 0.05;
/** Intervals that a source may miss. */
const mostMissedShare = 0.1;

type Request = Pick<PageRead, 'dueMs' | 'startedMs' | 'endedMs' | 'outcome' | 'what'>;

const secondsOf = ({ dueMs, endedMs }: Request): number => (endedMs - dueMs) / 1_000;
const requestsOf = ({ load }: PoolObservation): readonly Request[] => [...load.reads, ...load.changes];
const grouped = (count: number): string => count.toLocaleString('en-US');
const p99 = (values: readonly number[]): number => percentileOf(values, 0.99) ?? Number.NaN;
const lateSeconds = (observation: PoolObservation): number =>
  p99(requestsOf(observation).map(({ dueMs, startedMs }) => (startedMs - dueMs) / 1_000));

/** Why an observation proves nothing; `undefined` when it counts. */
export function whyNot(
  { mostLateSeconds }: Pick<PoolTrial, 'mostLateSeconds'>,
  observation: PoolObservation,
): string | undefined {
  const late = lateSeconds(observation);
  if (!(late <= mostLateSeconds)) return `the generator was ${Math.round(1_000 * late)} ms late at the 99th percentile`;
  const { missed, intervals } = observation.recorded;
  const source = [...missed].find(([, one]) => one.intervals > mostMissedShare * intervals);
  return source && `${source[0]} missed ${source[1].intervals} of ${intervals} intervals: ${source[1].why}`;
}

/** @param repeated attempts that were thrown away before this one */
export function outcomeOf(trial: PoolTrial, observation: PoolObservation, repeated: number): TrialOutcome {
  const { load } = observation;
  const requests = requestsOf(observation);
  const [before, after] = observation.metrics;
  const isInFault = ({ dueMs }: Request): boolean => dueMs >= before.atMs && dueMs < after.atMs;
  const inFault = requests.filter(isInFault);
  const served = inFault.filter(({ outcome }) => outcome === 'served').length;
  const holders = holdersOf(trial, observation);
  const timeline = timelineOf(trial, observation);
  const statements = holders.statements.reduce((sum, { calls }) => sum + calls, 0);
  const acquireP99 = acquireQuantileSeconds(before, after, 0.99);
  const values = {
    served_per_second: served / holders.seconds,
    page_p99_seconds: p99(load.reads.filter(isInFault).map(secondsOf)),
    ...(acquireP99 !== undefined && { acquire_p99_seconds: acquireP99 }),
    largest_pending: largestInFault(trial, timeline, 'pool_pending'),
    ...(served > 0 && { statements_per_served: statements / served }),
    database_cores: meanInFault(trial, timeline, 'database_cores'),
    late_p99_seconds: lateSeconds(observation),
    repeated_attempts: repeated,
  };
  return {
    ...noJobs,
    faults: 1,
    recoverySeconds: [],
    reads: countPageReads(load.reads),
    values: Object.fromEntries(Object.entries(values).map(([id, value]) => [id, compact(value)])),
    poolHolders: holders,
    timeline,
    problems: problemsOf(requests, { before, after, acquireP99, largestPending: values.largest_pending }),
  };
}

interface PoolSigns {
  readonly before: PoolMetrics;
  readonly after: PoolMetrics;
  readonly acquireP99: number | undefined;
  readonly largestPending: number;
}

function problemsOf(
  requests: readonly Request[],
  { before, after, acquireP99 = Infinity, largestPending }: PoolSigns,
): string[] {
  const timeouts = after.timeouts - before.timeouts;
  const refused = requests.filter(({ outcome }) => outcome === 'refused').length;
  const failed = requests.filter(({ outcome }) => outcome === 'failed');
  const isExhausted = timeouts > 0 || refused > 0;
  return [
    ...(isExhausted
      ? [
          `${exhausted}: ${grouped(timeouts)} times no connection came free in time, ${grouped(refused)} of ${grouped(requests.length)} requests were refused, up to ${grouped(largestPending)} callers waited at once`,
        ]
      : []),
    ...(!isExhausted && acquireP99 > acquireWithinSeconds
      ? [
          `1 in 100 waited longer than ${1_000 * acquireWithinSeconds} ms for a connection (up to ${1_000 * acquireP99} ms)`,
        ]
      : []),
    ...(failed.length > 0
      ? [`${failed.length} of ${requests.length} requests got no right answer, the first: ${failed[0]?.what}`]
      : []),
  ];
}

function holdersOf({ poolSize }: PoolTrial, { metrics: [before, after], activity }: PoolObservation): PoolHolders {
  const owners = Array.from(after.held, ([owner, { statement, idle }]) => {
    const earlier = before.held.get(owner) ?? { statement: 0, idle: 0 };
    const idleSeconds = idle - earlier.idle;
    const heldSeconds = statement - earlier.statement + idleSeconds;
    return { owner, heldSeconds: compact(heldSeconds), idleSeconds: compact(idleSeconds) };
  });
  const statements = Array.from(after.queries, ([query, { calls, seconds }]) => {
    const earlier = before.queries.get(query) ?? { calls: 0, seconds: 0 };
    return { query, calls: calls - earlier.calls, seconds: compact(seconds - earlier.seconds) };
  });
  return {
    seconds: compact((after.atMs - before.atMs) / 1_000),
    poolSize,
    owners: owners.filter(({ heldSeconds }) => heldSeconds > 0),
    statements: statements.filter(({ calls }) => calls > 0),
    samples: activity.samples,
    backends: activity.backends.map((one) => ({
      ...one,
      longestTransactionSeconds: compact(one.longestTransactionSeconds),
    })),
  };
}

/** What the recorder has read, beside what became of the pages. */
function timelineOf({ intervalSeconds }: PoolTrial, { load, recorded, startedAtMs }: PoolObservation): Timeline {
  const { marks, values, intervals } = recorded;
  const { hit_percent: _hits, ...pages } = readsByInterval(load.reads, { startedAtMs }, { intervals, intervalSeconds });
  return {
    marks: marks.map(({ atSeconds, ...mark }) => ({ atSeconds: compact(atSeconds), ...mark })),
    values: { ...pages, ...values },
  };
}

/** Readings that were taken between the second mark and the third. */
function readingsInFault({ intervalSeconds }: PoolTrial, { marks, values }: Timeline, id: string): readonly number[] {
  const [, begin, end] = marks;
  return (values[id] ?? []).flatMap((value, interval) => {
    const atSeconds = (interval + 1) * intervalSeconds;
    return value !== null && begin && end && atSeconds > begin.atSeconds && atSeconds <= end.atSeconds ? [value] : [];
  });
}

function largestInFault(trial: PoolTrial, timeline: Timeline, id: string): number {
  return Math.max(...readingsInFault(trial, timeline, id));
}

function meanInFault(trial: PoolTrial, timeline: Timeline, id: string): number {
  const readings = readingsInFault(trial, timeline, id);
  return readings.reduce((sum, value) => sum + value, 0) / readings.length;
}
