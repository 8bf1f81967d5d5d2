import { setTimeout as sleep } from 'node:timers/promises';

import type { TrialContext, TrialOutcome } from '../../protocol/trial-experiment.ts';
import { openDatabaseSource } from '../cache-outage/outage-sources.ts';
import type { ServiceNode } from '../stage.ts';
import { startTimelineRecorder, type TimelineRecorder, type TimelineSource } from '../timeline-recorder.ts';
import { openPoolActivity, type PoolActivitySource } from './pool-activity.ts';
import { type RunningPoolLoad, startPoolLoad } from './pool-load.ts';
import { poolMetricsSource, readPoolMetrics } from './pool-metrics.ts';
import type { PoolObservation, PoolTrial } from './pool-observation.ts';
import { outcomeOf, whyNot } from './pool-outcome.ts';

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
  const activity = await openPoolActivity(trial.stage);
  try {
    const database = await openDatabaseSource(trial.stage);
    try {
      return await record(trial, context, { activity, database });
    } finally {
      await database.close();
    }
  } finally {
    await activity.close();
  }
}

async function record(
  trial: PoolTrial,
  context: TrialContext,
  { activity, database }: { readonly activity: PoolActivitySource; readonly database: TimelineSource },
): Promise<PoolObservation> {
  const { stage, intervalSeconds, phases, fault } = trial;
  const { signal } = context;
  const [api] = stage.apis;
  if (!api) throw new Error('the stage came up without an API');
  const load = startPoolLoad(stage, trial.load, signal);
  try {
    const sources = [poolMetricsSource(api), activity, database];
    const recorder = await startTimelineRecorder({ intervalSeconds, sources, label: phases.before }, signal);
    try {
      const seen = await goThroughPhases(trial, context, { api, load, activity, recorder });
      const recorded = await recorder.end();
      await load.end();
      return { load, recorded, startedAtMs: recorder.startedAtMs, ...seen };
    } finally {
      await recorder.end();
    }
  } finally {
    fault?.end();
    await load.end();
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
