import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { percentile } from '../analysis/metric-value.ts';
import { createScratch } from '../environments/scratch.ts';
import type { OpenSeries, SeriesRequest, TrialContext, TrialOutcome } from '../protocol/trial-experiment.ts';
import { type AcceptedLedger, createAcceptedLedger, type LedgerEntry } from './accepted-ledger.ts';
import { openStage } from './open-stage.ts';
import { type PowerCuts, preparePowerCuts } from './power-cut.ts';
import { countInFlight, settle, waitForQuiet, waitUntilSettled } from './settlement.ts';
import type { Stage } from './stage.ts';
import { submitJobs } from './submit-jobs.ts';

export interface QueuePowerCuts {
  /** `everysec` runs the service without its check of the server, which would refuse to accept. */
  readonly appendfsync: 'always' | 'everysec';
  readonly jobs: number;
  readonly seatsPerJob: number;
  readonly clientsInFlight: number;
  readonly minIdleMs: number;
  /** How long the system may take after the return of Redis until all that it had accepted is settled. */
  readonly recoveryTimeoutMs: number;
}

/** The entry whose publisher answers 202 whatever the server's settings are. */
const withoutCheck = ['service/test/controls/seat-creation-control.ts', 'unchecked-durability'];
const stillMs = 3_000;

/**
 * Trials in which the machine of the queue's Redis loses its power under load: it is killed, and its files are cut to
 * what was on disk by the last completed fdatasync. The worker is stopped meanwhile, so that all accepted jobs wait in
 * Redis. Values: `accepted_per_second` before the cut, `accept_p50_seconds`, `accept_p99_seconds`, `cut_bytes`.
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
  const hallIds = await stage.createHalls(cuts.jobs, cuts.seatsPerJob);
  const ledger = createAcceptedLedger(join(stage.directory, `ledger-of-halls-from-${hallIds[0]}.ndjson`));
  await worker.stop();
  try {
    context.step('accepting jobs, then the power cut');
    const { startedAtMs, cutAtMs, cutBytes } = await cutUnderLoad(stage, { ...cutting, hallIds, ledger });
    const inFlight = await countInFlight(stage, ledger);
    const accepted = ledger.entries.filter(({ operationId }) => operationId !== undefined);
    await stage.redisQueue.start();
    await worker.start();
    context.step('waiting for quiet');
    const operationIds = accepted.flatMap(({ operationId }) => operationId ?? []);
    const timeoutMs = cuts.appendfsync === 'always' ? cuts.recoveryTimeoutMs : stillMs;
    const recovered = await waitUntilSettled(stage, operationIds, { timeoutMs, signal });
    const recoverySeconds = recovered ? [(performance.now() - cutAtMs) / 1_000] : [];
    await waitForQuiet(stage, ledger, { stillMs, timeoutMs: cuts.recoveryTimeoutMs, signal });
    return {
      ...(await settle(stage, ledger)),
      faults: inFlight > 0 ? 1 : 0,
      idleFaults: inFlight > 0 ? 0 : 1,
      inFlight,
      recoverySeconds,
      values: { ...answerValues(accepted, (cutAtMs - startedAtMs) / 1_000), cut_bytes: cutBytes },
    };
  } finally {
    ledger.close();
    if (!stage.redisQueue.isRunning()) await stage.redisQueue.start();
    if (!worker.isRunning()) await worker.start();
  }
}

interface Load extends Cutting {
  readonly hallIds: readonly number[];
  readonly ledger: AcceptedLedger;
}

async function cutUnderLoad(
  stage: Stage,
  { cuts, power, context, hallIds, ledger }: Load,
): Promise<{ readonly startedAtMs: number; readonly cutAtMs: number; readonly cutBytes: number }> {
  const { random, signal } = context;
  const [api] = stage.apis;
  if (!api?.apiUrl) throw new Error('the stage came up without an API');
  const enough = new AbortController();
  const startedAtMs = performance.now();
  const submitted = submitJobs({
    apiUrls: [api.apiUrl],
    apiToken: stage.apiToken,
    hallIds,
    ledger,
    pace: { inFlight: cuts.clientsInFlight },
    retry: 'never',
    retryForMs: 0,
    signal: AbortSignal.any([signal, enough.signal]),
  }).catch((error: unknown) => {
    if (!enough.signal.aborted) throw error;
  });
  const untilEntries = Math.round(cuts.jobs * (0.4 + 0.5 * random()));
  try {
    while (ledger.entries.length < untilEntries) await sleep(1, undefined, { signal });
    const cutAtMs = performance.now();
    const { cutBytes } = await power.cut(stage.redisQueue);
    return { startedAtMs, cutAtMs, cutBytes };
  } finally {
    enough.abort();
    await submitted;
  }
}

function answerValues(accepted: readonly LedgerEntry[], seconds: number): Record<string, number> {
  const answers = accepted.flatMap(({ answerSeconds }) => answerSeconds ?? []);
  const ascending = answers
    .toSorted((one, other) => one - other)
    .map((answer) => [Math.round(answer * 1e6), 1] as const);
  const at = (quantile: number): number => {
    const value = percentile(quantile, ascending);
    if ('missing' in value) throw new Error(`no job was accepted before the cut: ${value.missing}`);
    return value.value;
  };
  return {
    accepted_per_second: accepted.length / seconds,
    accept_p50_seconds: at(0.5),
    accept_p99_seconds: at(0.99),
  };
}
