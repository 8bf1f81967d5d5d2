import { join } from 'node:path';

import type { OpenSeries, SeriesRequest, TrialContext, TrialOutcome } from '../protocol/trial-experiment.ts';
import { type AcceptedLedger, createAcceptedLedger } from './accepted-ledger.ts';
import { openStage } from './open-stage.ts';
import { settle, waitUntilSettled } from './settlement.ts';
import type { Stage } from './stage.ts';
import { submitJobs } from './submit-jobs.ts';

export interface WorkerDrains {
  readonly workers: number;
  readonly jobs: number;
  readonly seatsPerJob: number;
  readonly clientsInFlight: number;
  readonly minIdleMs: number;
  /** Of the network between the workers and the database, in each direction, while they work. */
  readonly delaySeconds: number;
  readonly timeoutMs: number;
}

/** At its beginning and its end not every worker has something to do: so much of a drain is left out at both. */
const ramp = 0.1;

/** Jobs per second between the moments when 10 % and 90 % of them were done: milliseconds, in any order. */
export function drainRate(endedAtMs: readonly number[]): number {
  const ascending = endedAtMs.toSorted((one, other) => one - other);
  const first = Math.floor(ramp * (ascending.length - 1));
  const last = Math.ceil((1 - ramp) * (ascending.length - 1));
  const [from = Number.NaN, to = Number.NaN] = [ascending[first], ascending[last]];
  return (1_000 * (last - first)) / (to - from);
}

/**
 * Trials in which jobs are accepted while the workers are stopped, and then drained by all of them against a database
 * at a declared distance. Value: `jobs_per_second`, by the database's own times.
 */
export async function openWorkerDrains(drains: WorkerDrains, request: SeriesRequest): Promise<OpenSeries> {
  const { workers, minIdleMs } = drains;
  const { database, signal } = request;
  const stage = await openStage({
    database,
    seatCreation: 'stream',
    apis: 1,
    workers,
    minIdleMs,
    proxied: ['database'],
    signal,
    step: (text) => request.step(text),
  });
  const { settings } = stage;
  return { settings, runTrial: (context) => runDrain(stage, drains, context), close: () => stage.close() };
}

async function runDrain(stage: Stage, drains: WorkerDrains, context: TrialContext): Promise<TrialOutcome> {
  const { proxies, workers } = stage;
  if (!proxies.database) throw new Error('the stage came up without a proxy in front of the database');
  const { signal } = context;
  for (const worker of workers) await worker.stop();
  context.step('creating halls');
  const hallIds = await stage.createHalls(drains.jobs, drains.seatsPerJob);
  const ledger = createAcceptedLedger(join(stage.directory, `ledger-of-halls-from-${hallIds[0]}.ndjson`));
  try {
    context.step('accepting jobs');
    await acceptAll(stage, { drains, context, hallIds, ledger });
    context.step(`${workers.length} workers drain ${drains.jobs} jobs`);
    proxies.database.setDelay(drains.delaySeconds);
    await Promise.all(workers.map((worker) => worker.start()));
    const operationIds = ledger.entries.flatMap(({ operationId }) => operationId ?? []);
    await waitUntilSettled(stage, operationIds, { timeoutMs: drains.timeoutMs, signal });
    const operations = await stage.database.audit.operations();
    const endedAtMs = operationIds.flatMap((id) => operations.get(id)?.endedAtMs ?? []);
    return {
      ...(await settle(stage, ledger)),
      faults: 0,
      idleFaults: 0,
      inFlight: 0,
      recoverySeconds: [],
      values: { jobs_per_second: drainRate(endedAtMs) },
    };
  } finally {
    await proxies.database.heal();
    ledger.close();
  }
}

interface Accepting {
  readonly drains: WorkerDrains;
  readonly context: TrialContext;
  readonly hallIds: readonly number[];
  readonly ledger: AcceptedLedger;
}

function acceptAll(stage: Stage, { drains, context, hallIds, ledger }: Accepting): Promise<void> {
  return submitJobs({
    apiUrls: stage.apis.flatMap(({ apiUrl }) => apiUrl ?? []),
    apiToken: stage.apiToken,
    hallIds,
    ledger,
    pace: { inFlight: drains.clientsInFlight },
    retry: 'same-key',
    retryForMs: 10_000,
    signal: context.signal,
  });
}
