import { join } from 'node:path';

import type { OpenSeries, SeriesRequest, TrialContext, TrialOutcome } from '../protocol/trial-experiment.ts';
import { type AcceptedLedger, createAcceptedLedger, isAccepted } from './accepted-ledger.ts';
import { lateRecoveries, longestRecoveryMs, provesSomething } from './late-recoveries.ts';
import { openStage } from './open-stage.ts';
import { countInFlight, settle, waitForQuiet, waitUntilSettled } from './settlement.ts';
import type { CrashStage, KillableService } from './stage.ts';
import { submitJobs } from './submit-jobs.ts';
import { untilAccepted } from './until-accepted.ts';

export interface ServiceCrashes {
  readonly seatCreation: 'async' | 'stream';
  readonly jobs: number;
  readonly seatsPerJob: number;
  readonly clientsInFlight: number;
  readonly minIdleMs: number;
}

const mostIdleFaults = 10;

/** From a kill until all that had been accepted is settled; `async` settles what it can at once, and never the rest. */
export function expectedSecondsOf({ seatCreation, minIdleMs }: Pick<ServiceCrashes, 'seatCreation' | 'minIdleMs'>) {
  return seatCreation === 'stream' ? minIdleMs / 1_000 + 2 : 1;
}

/**
 * Trials in which one process that accepts and works (`ROLE=all`) is killed at a random moment under load, is started
 * again, and gets no other help. A kill that meets no work in flight is not counted, and another one follows.
 */
export async function openServiceCrashes(crashes: ServiceCrashes, request: SeriesRequest): Promise<OpenSeries> {
  const stage = await openCrashStage(crashes, request);
  return {
    settings: stage.settings,
    async runTrial(context) {
      for (let idleFaults = 0; idleFaults < mostIdleFaults; idleFaults += 1) {
        const outcome = await runCrash(stage, crashes, context);
        if (provesSomething(outcome)) return { ...outcome, idleFaults };
      }
      throw new Error(`${mostIdleFaults} kills met no work in flight: give a trial more jobs than ${crashes.jobs}`);
    },
    close: () => stage.close(),
  };
}

/** Pulumi is loaded where it is needed alone: it is most of a start. */
async function openCrashStage(
  { seatCreation, minIdleMs }: ServiceCrashes,
  request: SeriesRequest,
): Promise<CrashStage> {
  const { database, containers, signal } = request;
  const stage = { database, seatCreation, minIdleMs, signal, step: (text: string) => request.step(text) };
  if (containers === undefined) return openStage(stage);
  const { openContainerStage } = await import('./container-stage.ts');
  return openContainerStage(stage, containers);
}

async function runCrash(stage: CrashStage, crashes: ServiceCrashes, context: TrialContext): Promise<TrialOutcome> {
  const { jobs, seatsPerJob, clientsInFlight, seatCreation } = crashes;
  const expectedSeconds = expectedSecondsOf(crashes);
  const { random, signal } = context;
  const [service] = stage.apis;
  if (!service?.apiUrl) throw new Error('the stage came up without an API');
  context.step('creating halls');
  const hallIds = await stage.createHalls(jobs, seatsPerJob);
  const ledger = createAcceptedLedger(join(stage.directory, `ledger-of-halls-from-${hallIds[0]}.ndjson`));
  try {
    context.step('accepting jobs, then SIGKILL');
    const submitted = submitJobs({
      apiUrls: [service.apiUrl],
      apiToken: stage.apiToken,
      hallIds,
      ledger,
      pace: { inFlight: clientsInFlight },
      retry: 'same-key',
      retryForMs: 30_000,
      signal,
    });
    // Awaited below; until then a rejection must not count as unhandled.
    submitted.catch(() => undefined);
    const afterAccepted = Math.round(jobs * (0.2 + 0.6 * random()));
    const crash = await killAfter(stage, service, { ledger, afterAccepted, signal });
    await service.start();
    await submitted;
    context.step('waiting for quiet');
    const timeoutMs = longestRecoveryMs(expectedSeconds);
    const recovered =
      seatCreation === 'stream' && (await waitUntilSettled(stage, crash.accepted, { timeoutMs, signal }));
    const recoverySeconds = recovered ? [(performance.now() - crash.killedAtMs) / 1_000] : [];
    await waitForQuiet(stage, ledger, {
      stillMs: 3_000 + 1_000 * expectedSeconds,
      timeoutMs: 60_000 + timeoutMs,
      signal,
    });
    const settlement = await settle(stage, ledger);
    const late = seatCreation === 'stream' ? lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds }) : [];
    return {
      ...settlement,
      faults: 1,
      idleFaults: 0,
      inFlight: crash.inFlight,
      recoverySeconds,
      values: {},
      problems: [...settlement.problems, ...late],
    };
  } finally {
    ledger.close();
  }
}

interface Crash {
  /** Operations that were accepted before it. */
  readonly accepted: readonly string[];
  readonly inFlight: number;
  readonly killedAtMs: number;
}

async function killAfter(
  stage: CrashStage,
  service: KillableService,
  { ledger, afterAccepted, signal }: { ledger: AcceptedLedger; afterAccepted: number; signal: AbortSignal },
): Promise<Crash> {
  await untilAccepted(ledger, { count: afterAccepted, signal });
  await service.kill();
  const killedAtMs = performance.now();
  // Nobody works until it is started again: what is not done now was in flight.
  const accepted = ledger.entries.filter(isAccepted).map(({ operationId }) => operationId);
  return { accepted, inFlight: await countInFlight(stage, ledger), killedAtMs };
}
