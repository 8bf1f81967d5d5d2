import { setTimeout as sleep } from 'node:timers/promises';

import { addedP99 } from '../../evidence/trials-schema.ts';
import type { ProfileName } from '../../protocol/experiment.ts';
import type { RoleOfSeries, SeriesDefinition, TrialContext, TrialOutcome } from '../../protocol/trial-experiment.ts';
import { lateRecoveries, longestRecoveryMs } from '../late-recoveries.ts';
import { poll } from '../poll.ts';
import type { Metric } from '../service-metrics.ts';
import type { Stage } from '../stage.ts';
import { watchMetrics } from './metric-watch.ts';
import { noJobs } from './no-jobs.ts';
import { apiUrlsOf, cacheControl, openReadsSeries } from './open-reads-series.ts';
import { countReads, firstWrong, p99Seconds, type ReadRecord, type RunningReads, startReads } from './read-load.ts';
import { type RedisFault, redisFaults } from './redis-faults.ts';
import { watchServices } from './service-observation.ts';
import type { VersionedPerformances } from './versioned-performances.ts';

const numberOfPerformances = 60;
/** Well within what the database serves by itself. */
const perSecond = 150;
const pageEvery = 10;
const beforeMs = 1_500;
/** Into the fault: then something is written, once. */
const writtenAfterMs = 100;
const expectedSeconds = 3;
const mostGrowthBytes = 128 * 1024 * 1024;
/** Far beyond what the service allows a command and a load, far less than a reader would wait for a server that hangs. */
const answerWithinMs = 3_000;

/** Of every fault. */
const moves: readonly Metric[] = [
  { name: 'performance_cache_requests_total', labels: { result: 'hit' } },
  { name: 'performance_cache_load_seconds_count' },
];

interface Row {
  readonly id: string;
  readonly label: string;
  readonly mustHold: string;
  readonly fault: RedisFault;
  readonly role: RoleOfSeries;
  /** Runs instead of the service. */
  readonly control?: string;
  readonly faultMs: Readonly<Record<ProfileName, number>>;
  readonly trials: SeriesDefinition['trials'];
}

const promises = redisFaults.map((fault): Row => ({
  id: `cache-${fault.id}`,
  label: fault.label,
  mustHold: `100 % answered 200 with the right body within ${answerWithinMs / 1_000} s; no unhandled rejection, memory within ${mostGrowthBytes / 1024 ** 2} MiB; the metrics show it; hits again, expected within ${expectedSeconds} s`,
  role: { role: 'promise' },
  fault,
  faultMs: { quick: 3_000, full: 30_000 },
  trials: { quick: 1, full: 5 },
}));

const controls = redisFaults
  .filter(({ id }) => id === 'frozen')
  .map((fault): Row => ({
    id: 'cache-no-command-timeout',
    label: 'control: no command timeout',
    mustHold: 'must leave readers without an answer, or the harness is blind',
    fault,
    role: { role: 'control', mustShow: 'wrong' },
    control: 'no-command-timeout',
    // Longer than a reader waits: what hangs is answered when it ends.
    faultMs: { quick: answerWithinMs + 1_000, full: answerWithinMs + 1_000 },
    trials: { quick: 1, full: 3 },
  }));

export const readsWithinCapacity: readonly SeriesDefinition[] = [...promises, ...controls].map((row) => ({
  id: row.id,
  label: row.label,
  how: `${row.fault.how}, for ${row.faultMs.quick / 1_000} s (full: ${row.faultMs.full / 1_000} s); ${perSecond} reads a second by the clock of ${numberOfPerformances} performances and their main page, and one write`,
  mustHold: row.mustHold,
  ...row.role,
  subject: 'reads',
  mayLose: false,
  trials: row.trials,
  open: (request) =>
    openReadsSeries(
      request,
      {
        performances: numberOfPerformances,
        ...row.fault.stage,
        ...(row.control !== undefined && { entry: cacheControl(row.control) }),
      },
      (stage, performances) => (context) =>
        runTrial({ stage, performances, fault: row.fault, faultMs: row.faultMs[request.profile] }, context),
    ),
}));

interface FaultTrial {
  readonly stage: Stage;
  readonly performances: VersionedPerformances;
  readonly fault: RedisFault;
  readonly faultMs: number;
}

async function runTrial(trial: FaultTrial, context: TrialContext): Promise<TrialOutcome> {
  const { signal } = context;
  const { stage, performances, fault } = trial;
  const apiUrls = apiUrlsOf(stage);
  const reads = startReads({ performances, apiUrls, pace: { perSecond }, pageEvery, answerWithinMs, signal });
  try {
    context.step('reading');
    await sleep(beforeMs, undefined, { signal });
    const watch = await watchServices(stage.apis);
    const metrics = await watchMetrics(stage.apis, signal);
    context.step(fault.label);
    const { beganAtMs, endedAtMs, isWritten } = await hurt(trial, signal);
    context.step('waiting for hits');
    const recoveredAtMs = await untilHit(reads, endedAtMs, signal);
    await sleep(500, undefined, { signal });
    await reads.end();
    await metrics.stop();
    const recoverySeconds = recoveredAtMs === undefined ? [] : [(recoveredAtMs - endedAtMs) / 1_000];
    const growthBytes = await watch.growthBytes();
    return {
      ...noJobs,
      faults: 1,
      recoverySeconds,
      reads: countReads(reads.records),
      values: { ...addedLatency(reads.records, beganAtMs, endedAtMs), resident_growth_bytes: growthBytes },
      problems: [
        ...refusals(reads.records),
        ...firstWrong(reads.records),
        ...(isWritten ? [] : ['the write was not answered with 200']),
        ...(await watch.problems(fault)),
        ...metrics.unmoved([...moves, ...fault.moves]),
        ...(growthBytes > mostGrowthBytes ? [`${Math.round(growthBytes / 1024 ** 2)} MiB more memory`] : []),
        ...lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds }),
      ],
    };
  } finally {
    await reads.end();
  }
}

/** From the begin of the fault to its end, with one write in it. */
async function hurt(
  { stage, performances, fault, faultMs }: FaultTrial,
  signal: AbortSignal,
): Promise<{ readonly beganAtMs: number; readonly endedAtMs: number; readonly isWritten: boolean }> {
  const [id = 0] = performances.ids;
  const [apiUrl = ''] = apiUrlsOf(stage);
  const beganAtMs = performance.now();
  const end = await fault.begin(stage);
  let written: Promise<boolean> | undefined;
  try {
    await sleep(writtenAfterMs, undefined, { signal });
    written = performances.write(id, apiUrl);
    await sleep(beganAtMs + faultMs - performance.now(), undefined, { signal });
  } finally {
    await end();
  }
  return { beganAtMs, endedAtMs: performance.now(), isWritten: await written };
}

/** Where the load is within the capacity nobody may be turned away. */
function refusals(records: readonly ReadRecord[]): string[] {
  const refused = records.filter(({ outcome }) => outcome === 'refused').length;
  return refused === 0 ? [] : [`${refused} reads were refused, within the capacity of the database`];
}

/** When the first hit was asked for of those after this moment; `undefined` when there was none for too long. */
async function untilHit({ records }: RunningReads, afterMs: number, signal: AbortSignal): Promise<number | undefined> {
  const hit = await poll(() => records.find(({ startedAtMs, isHit }) => isHit && startedAtMs >= afterMs), {
    everyMs: 20,
    withinMs: longestRecoveryMs(expectedSeconds),
    signal,
  });
  return hit?.startedAtMs;
}

function addedLatency(records: readonly ReadRecord[], beganAtMs: number, endedAtMs: number): Record<string, number> {
  // The first half second fills the cache.
  const usual = p99Seconds(records, beganAtMs - beforeMs + 500, beganAtMs);
  const firstSecond = p99Seconds(records, beganAtMs, beganAtMs + 1_000);
  const afterwards = p99Seconds(records, beganAtMs + 1_000, endedAtMs);
  if (usual === undefined || firstSecond === undefined || afterwards === undefined) return {};
  return { [addedP99.firstSecond]: firstSecond - usual, [addedP99.afterwards]: afterwards - usual };
}
