import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { percentile } from '../analysis/metric-value.ts';
import { createScratch } from '../environments/scratch.ts';
import type { OpenSeries, SeriesRequest, TrialContext, TrialOutcome } from '../protocol/trial-experiment.ts';
import { type AcceptedEntry, type AcceptedLedger, createAcceptedLedger, isAccepted } from './accepted-ledger.ts';
import { lateRecoveries, longestRecoveryMs } from './late-recoveries.ts';
import { openStage } from './open-stage.ts';
import { type PowerCuts, preparePowerCuts } from './power-cut.ts';
import { countInFlight, settle, waitForQuiet, waitUntilSettled } from './settlement.ts';
import type { Stage } from './stage.ts';
import { submitJobs } from './submit-jobs.ts';

export interface QueuePowerCuts {
  /** `everysec` runs the service without its check of the server, which would refuse to accept. */
  readonly appendfsync: 'always' | 'everysec';
  /** Offered, by the clock, whatever is answered: the same to both settings. */
  readonly jobsPerSecond: number;
  readonly seatsPerJob: number;
  /** The cut comes at a moment between these, from the first request on. */
  readonly loadSeconds: { readonly from: number; readonly to: number };
  readonly minIdleMs: number;
  /** From the cut until all that had been accepted is settled: starts of Redis and the worker, and the drain. */
  readonly expectedSeconds: number;
}

/** The entry whose publisher answers 202 whatever the server's settings are. */
const withoutCheck = ['service/test/controls/seat-creation-control.ts', 'unchecked-durability'];
/** A worker that was stopped in order has left nothing pending: the next one reads as soon as it is up. */
const stillMs = 4_000;

/**
 * Trials in which the machine of the queue's Redis loses its power under load: it is killed, and its files are cut to
 * what was on disk by the last completed fdatasync. The worker is stopped meanwhile, so that all accepted jobs wait in
 * Redis. Values: `accept_p50_seconds` and `accept_p99_seconds` of the answers before the cut, and `cut_bytes`.
 */
export async function openQueuePowerCuts(cuts: QueuePowerCuts, request: SeriesRequest): Promise<OpenSeries> {
  const { appendfsync, minIdleMs } = cuts;
  const { database, signal } = request;
  const scratch = await createScratch({ keep: false });
  try {
    const power = await preparePowerCuts(scratch.path);
    const stage = await openStage({
      database,
      seatCreation: 'stream',
      apis: 1,
      workers: 1,
      minIdleMs,
      redis: { settings: { appendfsync }, environment: power.environment },
      ...(appendfsync === 'everysec' && { entry: { api: withoutCheck } }),
      signal,
      step: (text) => request.step(text),
    });
    return {
      settings: stage.settings,
      runTrial: (context) => runCut(stage, { cuts, power, context }),
      async close() {
        await stage.close();
        await scratch.remove();
      },
    };
  } catch (error) {
    await scratch.remove();
    throw error;
  }
}

interface Cutting {
  readonly cuts: QueuePowerCuts;
  readonly power: PowerCuts;
  readonly context: TrialContext;
}

async function runCut(stage: Stage, cutting: Cutting): Promise<TrialOutcome> {
  const { cuts, context } = cutting;
  const { signal } = context;
  const [worker] = stage.workers;
  if (!worker) throw new Error('the stage came up without a worker');
  context.step('creating halls');
  const hallIds = await stage.createHalls(Math.ceil(cuts.jobsPerSecond * cuts.loadSeconds.to), cuts.seatsPerJob);
  const ledger = createAcceptedLedger(join(stage.directory, `ledger-of-halls-from-${hallIds[0]}.ndjson`));
  await worker.stop();
  try {
    context.step('accepting jobs, then the power cut');
    const { cutAtMs, cutBytes } = await cutUnderLoad(stage, { ...cutting, hallIds, ledger });
    const inFlight = await countInFlight(stage, ledger);
    const accepted = ledger.entries.filter(isAccepted);
    await stage.redisQueue.start();
    await worker.start();
    context.step('waiting for quiet');
    const { recoverySeconds, problems } = await waitForRecovery(stage, { cuts, cutAtMs, accepted, signal });
    const timeoutMs = 60_000 + longestRecoveryMs(cuts.expectedSeconds);
    await waitForQuiet(stage, ledger, { stillMs, timeoutMs, signal });
    const settlement = await settle(stage, ledger);
    return {
      ...settlement,
      faults: inFlight > 0 ? 1 : 0,
      idleFaults: inFlight > 0 ? 0 : 1,
      inFlight,
      recoverySeconds,
      values: { ...answerValues(accepted), cut_bytes: cutBytes },
      problems: [...settlement.problems, ...problems],
    };
  } finally {
    ledger.close();
    if (!stage.redisQueue.isRunning()) await stage.redisQueue.start();
    if (!worker.isRunning()) await worker.start();
  }
}

interface Recovery {
  readonly cuts: QueuePowerCuts;
  readonly cutAtMs: number;
  readonly accepted: readonly AcceptedEntry[];
  readonly signal: AbortSignal;
}

/** `everysec` has lost some of them: there is no moment at which all are settled. */
async function waitForRecovery(
  stage: Stage,
  { cuts, cutAtMs, accepted, signal }: Recovery,
): Promise<Pick<TrialOutcome, 'recoverySeconds' | 'problems'>> {
  if (cuts.appendfsync === 'everysec') return { recoverySeconds: [], problems: [] };
  const { expectedSeconds } = cuts;
  const operationIds = accepted.map(({ operationId }) => operationId);
  const timeoutMs = longestRecoveryMs(expectedSeconds);
  const recovered = await waitUntilSettled(stage, operationIds, { timeoutMs, signal });
  const recoverySeconds = recovered ? [(performance.now() - cutAtMs) / 1_000] : [];
  return { recoverySeconds, problems: lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds }) };
}

interface Load extends Cutting {
  readonly hallIds: readonly number[];
  readonly ledger: AcceptedLedger;
}

async function cutUnderLoad(
  stage: Stage,
  { cuts, power, context, hallIds, ledger }: Load,
): Promise<{ readonly cutAtMs: number; readonly cutBytes: number }> {
  const { random, signal } = context;
  const { from, to } = cuts.loadSeconds;
  const [api] = stage.apis;
  if (!api?.apiUrl) throw new Error('the stage came up without an API');
  const enough = new AbortController();
  const submitted = submitJobs({
    apiUrls: [api.apiUrl],
    apiToken: stage.apiToken,
    hallIds,
    ledger,
    pace: { perSecond: cuts.jobsPerSecond },
    retry: 'never',
    retryForMs: 0,
    signal: AbortSignal.any([signal, enough.signal]),
  });
  // Awaited below; until then a rejection is nobody's.
  submitted.catch(() => undefined);
  try {
    await sleep(1_000 * (from + (to - from) * random()), undefined, { signal });
    const cutAtMs = performance.now();
    const { cutBytes } = await power.cut(stage.redisQueue);
    return { cutAtMs, cutBytes };
  } finally {
    enough.abort();
    await submitted;
  }
}

function answerValues(accepted: readonly AcceptedEntry[]): Record<string, number> {
  const answers = accepted.flatMap(({ answerSeconds }) => answerSeconds ?? []);
  const ascending = answers.toSorted((one, other) => one - other).map((one) => [Math.round(one * 1e6), 1] as const);
  const at = (quantile: number): number => {
    const value = percentile(quantile, ascending);
    if ('missing' in value) throw new Error(`no job was accepted before the cut: ${value.missing}`);
    return value.value;
  };
  return { accept_p50_seconds: at(0.5), accept_p99_seconds: at(0.99) };
}
