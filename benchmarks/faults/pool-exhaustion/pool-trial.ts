import { setTimeout as sleep } from 'node:timers/promises';

import type { TrialContext, TrialOutcome } from '../../protocol/trial-experiment.ts';
import { openDatabaseSource } from '../cache-outage/outage-sources.ts';
import type { ServiceNode, Stage } from '../stage.ts';
import { type RecordedTimeline, startTimelineRecorder, type TimelineRecorder } from '../timeline-recorder.ts';
import { openPoolActivity, type PoolActivitySource } from './pool-activity.ts';
import { type PoolLoad, type RunningPoolLoad, startPoolLoad } from './pool-load.ts';
import { type PoolMetrics, poolMetricsSource, readPoolMetrics } from './pool-metrics.ts';
import { outcomeOf, whyNot } from './pool-outcome.ts';

export interface PoolTrial {
  readonly stage: Stage;
  readonly poolSize: number;
  readonly load: PoolLoad;
  readonly seconds: { readonly before: number; readonly fault: number; readonly after: number };
  readonly intervalSeconds: number;
  /** Requests that begin later than this after they were due, at the 99th percentile, are another load than was asked for. */
  readonly mostLateSeconds: number;
  /** Names of the phases. */
  readonly phases: { readonly before: string; readonly fault: string; readonly after: string };
  /** What happens at the beginning of the fault, beside the load; `end` may be called without it, and twice. */
  readonly fault?: { begin(): void; end(): void };
}

/** What a trial has seen. */
export interface PoolObservation {
  readonly load: RunningPoolLoad;
  readonly recorded: RecordedTimeline;
  /** Of `performance.now()`: when the recording began. */
  readonly startedAtMs: number;
  /** At the beginning of the fault and at its end. */
  readonly metrics: readonly [PoolMetrics, PoolMetrics];
  /** During the fault. */
  readonly activity: ReturnType<PoolActivitySource['sum']>;
}

const attempts = 3;
const pauseMs = 2_000;

/**
 * One load by the clock before, during and after a fault. An attempt whose generator was late, or that could not be
 * observed, is thrown away whatever else it shows, and made again, three times in all.
 *
 * @throws when none of them counts
 */
export async function runPoolTrial(trial: PoolTrial, context: TrialContext): Promise<TrialOutcome> {
  const reasons: string[] = [];
  while (reasons.length < attempts) {
    const observation = await observe(trial, context);
    const reason = whyNot(trial, observation);
    if (reason === undefined) return outcomeOf(trial, observation, reasons.length);
    reasons.push(reason);
    context.step(`again: ${reason}`);
    await sleep(pauseMs, undefined, { signal: context.signal });
  }
  throw new Error(
    `none of ${attempts} attempts counts (${reasons.join('; ')}): repeat it on a machine that is quieter`,
  );
}

async function observe(trial: PoolTrial, context: TrialContext): Promise<PoolObservation> {
  const { stage, intervalSeconds, phases, fault } = trial;
  const { signal } = context;
  const [api] = stage.apis;
  if (!api) throw new Error('the stage came up without an API');
  const activity = await openPoolActivity(stage);
  const database = await openDatabaseSource(stage);
  const sources = [poolMetricsSource(api), activity, database];
  const recorder = await startTimelineRecorder({ intervalSeconds, sources, label: phases.before }, signal);
  const load = startPoolLoad(stage, trial.load, signal);
  try {
    const seen = await goThroughPhases(trial, context, { api, load, activity, recorder });
    const recorded = await recorder.end();
    await load.end();
    return { load, recorded, startedAtMs: recorder.startedAtMs, ...seen };
  } finally {
    fault?.end();
    await Promise.all([load.end(), recorder.end()]);
    await Promise.all([activity.close(), database.close()]);
  }
}

interface Running {
  readonly api: ServiceNode;
  readonly load: RunningPoolLoad;
  readonly activity: PoolActivitySource;
  readonly recorder: Pick<TimelineRecorder, 'mark'>;
}

async function goThroughPhases(
  { seconds, phases, fault }: PoolTrial,
  context: TrialContext,
  { api, load, activity, recorder }: Running,
): Promise<Pick<PoolObservation, 'metrics' | 'activity'>> {
  const { signal } = context;
  context.step(phases.before);
  await sleep(1_000 * seconds.before, undefined, { signal });
  context.step(phases.fault);
  const before = await readPoolMetrics(api);
  recorder.mark(phases.fault, true);
  activity.beginSum();
  load.rise();
  fault?.begin();
  await sleep(1_000 * seconds.fault, undefined, { signal });
  const after = await readPoolMetrics(api);
  const sum = activity.sum();
  recorder.mark(phases.after, false);
  load.fall();
  fault?.end();
  context.step(phases.after);
  await sleep(1_000 * seconds.after, undefined, { signal });
  return { metrics: [before, after], activity: sum };
}
