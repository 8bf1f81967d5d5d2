import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { type AcceptedEntry, ledgerClockMs } from '../accepted-ledger.ts';
import { lateRecoveries, longestRecoveryMs } from '../late-recoveries.ts';
import { openInspectedSeries } from '../open-inspected-series.ts';
import { type QueueInspection, queueKeys } from '../queue-inspection.ts';
import { settle, waitForQuiet, waitUntilSettled } from '../settlement.ts';
import type { AuditedOperation, Stage } from '../stage.ts';
import { type RunningLoad, withTrialLoad } from '../trial-load.ts';

type Wipe = (queue: QueueInspection) => Promise<unknown>;

const wipesEach = 3;
const jobs = 450;
const minIdleMs = 1_000;
/** A consumer notices at its next command, and begins anew after a second at most. */
const expectedSeconds = 2;

const shared = {
  role: 'promise',
  trials: { quick: 1, full: 17 },
} as const;
const how = (command: string): string =>
  `${command} at ${wipesEach} random moments of a load of ${jobs} jobs; 2 workers, minimum idle time ${minIdleMs / 1_000} s`;
const mustHold = 'consumers come back by themselves; what was sent after it is stored';

export const flushAll: SeriesDefinition = {
  ...shared,
  id: 'flush-all',
  label: 'FLUSHALL',
  how: how('FLUSHALL'),
  mustHold: `${mustHold}; what it took is counted`,
  mayLose: true,
  open: (request) => openWipes(request, ({ client }) => client.flushall()),
};

export const streamDeleted: SeriesDefinition = {
  ...shared,
  id: 'stream-deleted',
  label: 'DEL of the stream',
  how: how(`DEL ${queueKeys.stream}`),
  mustHold: `${mustHold}; what it took is counted`,
  mayLose: true,
  open: (request) => openWipes(request, ({ client }) => client.del(queueKeys.stream)),
};

/** The entries stay, and a group that is made anew begins with the first of them. */
export const groupDestroyed: SeriesDefinition = {
  ...shared,
  id: 'group-destroyed',
  label: 'XGROUP DESTROY',
  how: how(`XGROUP DESTROY ${queueKeys.stream} ${queueKeys.group}`),
  mustHold: `${mustHold}; 0 lost, 0 duplicate`,
  mayLose: false,
  open: (request) => openWipes(request, ({ client }) => client.xgroup('DESTROY', queueKeys.stream, queueKeys.group)),
};

function openWipes(request: SeriesRequest, wipe: Wipe): Promise<OpenSeries> {
  return openInspectedSeries(
    request,
    { workers: 2, minIdleMs },
    (stage, queue) => (context) => runTrial({ stage, queue, wipe, context }),
  );
}

interface WipeTrial {
  readonly stage: Stage;
  readonly queue: QueueInspection;
  readonly wipe: Wipe;
  readonly context: TrialContext;
}

interface WipeMoment {
  readonly atMs: number;
  /** Entries that were there, each an accepted job that was not settled. */
  readonly inFlight: number;
}

async function runTrial(trial: WipeTrial): Promise<TrialOutcome> {
  const { stage, context } = trial;
  const { signal } = context;
  const load = { jobs, seatsPerJob: 1_000, pace: { inFlight: 16 } };
  return withTrialLoad(stage, { load, context }, async (running) => {
    const submitted = running.submit();
    const wipes = await wipeUnderLoad(trial, running);
    await submitted;
    context.step('waiting for what was sent after it');
    const sentAfter = running.accepted().filter((entry) => sentAtMs(entry) > (wipes.at(-1)?.atMs ?? 0));
    const wanted = sentAfter.map(({ operationId }) => operationId);
    const isBack = await waitUntilSettled(stage, wanted, { timeoutMs: longestRecoveryMs(expectedSeconds), signal });
    context.step('waiting for quiet');
    await waitForQuiet(stage, running.ledger, { stillMs: 3 * minIdleMs, timeoutMs: 60_000, signal });
    const met = wipes.filter(({ inFlight }) => inFlight > 0);
    const operations = await stage.database.audit.operations();
    const recoverySeconds = met.flatMap(({ atMs }) => secondsUntilWorking(atMs, running.accepted(), operations) ?? []);
    const settlement = await settle(stage, running.ledger);
    return {
      ...settlement,
      faults: met.length,
      idleFaults: wipes.length - met.length,
      inFlight: met.reduce((sum, { inFlight }) => sum + inFlight, 0),
      recoverySeconds,
      values: {},
      problems: [
        ...settlement.problems,
        ...(isBack ? [] : [`of ${wanted.length} jobs sent after the last one, some were never settled`]),
        ...lateRecoveries(recoverySeconds, { faults: met.length, expectedSeconds }),
      ],
    };
  });
}

/** One in each third of the load, early enough that there is more of it to come. */
async function wipeUnderLoad(
  { queue, wipe, context }: WipeTrial,
  { untilAccepted }: RunningLoad,
): Promise<readonly WipeMoment[]> {
  const wipes: WipeMoment[] = [];
  for (let index = 0; index < wipesEach; index += 1) {
    await untilAccepted(Math.floor(((index + 0.2 + 0.5 * context.random()) / wipesEach) * jobs));
    const inFlight = await queue.entryCount();
    await wipe(queue);
    wipes.push({ atMs: ledgerClockMs(), inFlight });
    context.step(`wiped with ${inFlight} jobs in flight`);
  }
  return wipes;
}

function sentAtMs({ acceptedAtMs, answerSeconds }: AcceptedEntry): number {
  return acceptedAtMs - (answerSeconds ?? 0) * 1_000;
}

/** From the wipe to the first end of a job that was sent after it. */
function secondsUntilWorking(
  atMs: number,
  accepted: readonly AcceptedEntry[],
  operations: ReadonlyMap<string, AuditedOperation>,
): number | undefined {
  const after = accepted.filter((entry) => sentAtMs(entry) > atMs);
  const endsAtMs = after.flatMap(({ operationId }) => operations.get(operationId)?.endedAtMs ?? []);
  return endsAtMs.length === 0 ? undefined : Math.max(0, Math.min(...endsAtMs) - atMs) / 1_000;
}
