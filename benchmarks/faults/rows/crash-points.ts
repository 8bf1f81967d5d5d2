import { setTimeout as sleep } from 'node:timers/promises';

import { logTail, type SupervisedProcess } from '../../environments/supervised-process.ts';
import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { type AcceptedLedger, isAccepted } from '../accepted-ledger.ts';
import { lateRecoveries, longestRecoveryMs } from '../late-recoveries.ts';
import { openInspectedSeries } from '../open-inspected-series.ts';
import type { QueueInspection } from '../queue-inspection.ts';
import { settle, waitForQuiet, waitUntilSettled } from '../settlement.ts';
import type { ServiceNode, Stage } from '../stage.ts';
import { submitJobs } from '../submit-jobs.ts';
import { withTrialLoad } from '../trial-load.ts';

const minIdleMs = 600;
/** To start a process, and for the minimum idle time and a look for what is idle. */
const expectedSeconds = minIdleMs / 1_000 + 2;
/** More than one batch, so that after the acknowledgement of the first there is work left. */
const jobs = 120;
const seatsPerJob = 10;

/** C1 to C5 of the state table, and C14 and C15, which only a job that fails comes to. */
const points = [
  { name: 'after-delivery', needsFailure: false },
  { name: 'in-transaction', needsFailure: false },
  { name: 'after-commit', needsFailure: false },
  { name: 'after-invalidation', needsFailure: false },
  { name: 'after-acknowledge', needsFailure: false },
  { name: 'after-record', needsFailure: true },
  { name: 'after-letter', needsFailure: true },
] as const;
type Point = (typeof points)[number];

const names = (some: readonly Point[]): string => some.map(({ name }) => name).join(', ');

export const crashPoints: SeriesDefinition = {
  id: 'crash-points',
  label: 'consumer SIGKILL at a named point',
  how: `a worker kills itself at the first time that it comes to the point of the trial, with up to 100 of ${jobs} jobs in its hands, and an honest one takes its place; by turns ${names(points.filter(({ needsFailure }) => !needsFailure))}; on PostgreSQL also, with a job that fails among them, ${names(points.filter(({ needsFailure }) => needsFailure))}`,
  mustHold: `0 lost, 0 duplicate, one dead letter for a job that fails; settled, expected within ${expectedSeconds} s`,
  role: 'promise',
  mayLose: false,
  trials: { quick: points.length, full: 5 * points.length },
  open: openCrashPoints,
};

const honestEntry = ['service/src/main.ts'];

/** A stage whose worker runs `workerEntry` as it is at each of its starts. */
interface CrashStage {
  readonly stage: Stage;
  readonly inspection: QueueInspection;
  readonly workerEntry: string[];
}

function openCrashPoints(request: SeriesRequest): Promise<OpenSeries> {
  const workerEntry = [...honestEntry];
  return openInspectedSeries(
    request,
    {
      workers: 1,
      minIdleMs,
      entry: { worker: workerEntry },
    },
    (stage, inspection) => (context) => runTrial({ stage, inspection, workerEntry }, context),
  );
}

async function runTrial(crashStage: CrashStage, context: TrialContext): Promise<TrialOutcome> {
  const { stage, inspection } = crashStage;
  const { signal, trial } = context;
  const [worker] = stage.workers;
  if (!worker) throw new Error('the stage came up without a worker');
  const possible = points.filter(({ needsFailure }) => !needsFailure || stage.database.engine === 'postgres');
  const point = possible[(trial - 1) % possible.length];
  if (!point) throw new Error(`trial ${trial} has no crash point`);
  await worker.stop();
  try {
    const load = { jobs, seatsPerJob, pace: { inFlight: 16 } };
    return await withTrialLoad(stage, { load, context }, async ({ ledger, submit }) => {
      if (point.needsFailure) await acceptJobThatFails(stage, ledger, context);
      await submit();
      context.step(`SIGKILL ${point.name}`);
      await runUntilCrash(crashStage, { worker, point, signal });
      const crashedAtMs = performance.now();
      const inFlight = await inspection.entryCount();
      await worker.start();
      const operationIds = ledger.entries.filter(isAccepted).map(({ operationId }) => operationId);
      const timeoutMs = longestRecoveryMs(expectedSeconds);
      const recovered = await waitUntilSettled(stage, operationIds, { timeoutMs, signal });
      const recoverySeconds = recovered ? [(performance.now() - crashedAtMs) / 1_000] : [];
      await waitForQuiet(stage, ledger, { stillMs: 5_000, timeoutMs: 60_000, signal });
      const settlement = await settle(stage, ledger, new Set([unknownHall + trial]));
      const faults = inFlight > 0 ? 1 : 0;
      return {
        ...settlement,
        faults,
        idleFaults: 1 - faults,
        inFlight,
        recoverySeconds: recoverySeconds.slice(0, faults),
        values: {},
        problems: [
          ...settlement.problems.map((problem) => `${point.name}: ${problem}`),
          ...lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds }).map((text) => `${point.name}: ${text}`),
        ],
      };
    });
  } finally {
    if (!worker.isRunning()) await worker.start();
  }
}

const crashedWithinMs = 30_000;

/** When it rejects, the worker has the honest entry again as well. */
async function runUntilCrash(
  { workerEntry }: CrashStage,
  { worker, point, signal }: { readonly worker: ServiceNode; readonly point: Point; readonly signal: AbortSignal },
): Promise<void> {
  workerEntry.splice(0, workerEntry.length, 'service/test/controls/crash-point.ts', point.name);
  try {
    await worker.launch();
    const { process } = worker;
    const how = await endOf(process, signal);
    if (how !== 'SIGKILL') {
      const ending = how ?? `nothing within ${crashedWithinMs} ms`;
      throw new Error(`${worker.name} did not kill itself ${point.name}, but: ${ending}\n${await logTail(process)}`);
    }
  } finally {
    workerEntry.splice(0, workerEntry.length, ...honestEntry);
    if (worker.isRunning()) await worker.kill();
  }
}

/** What ended it; `undefined`: it has not ended in time. */
async function endOf({ ended }: SupervisedProcess, signal: AbortSignal): Promise<string | undefined> {
  const over = new AbortController();
  const late = sleep(crashedWithinMs, undefined, { signal: AbortSignal.any([signal, over.signal]) });
  // When it is over, nobody waits for it any more.
  late.catch(() => undefined);
  try {
    return await Promise.race([ended, late]);
  } finally {
    over.abort();
  }
}

/** Far beyond the ids of a stage's halls. */
const unknownHall = 1_000_000_000;

/** A job for a hall that is not there: only while the database does not answer is such a one accepted. */
async function acceptJobThatFails(
  stage: Stage,
  ledger: AcceptedLedger,
  { trial, signal }: TrialContext,
): Promise<void> {
  stage.database.freeze();
  try {
    await submitJobs({
      apiUrls: stage.apis.flatMap(({ apiUrl }) => apiUrl ?? []),
      apiToken: stage.apiToken,
      hallIds: [unknownHall + trial],
      ledger,
      pace: { inFlight: 1 },
      retry: 'same-key',
      retryForMs: 10_000,
      signal,
    });
  } finally {
    stage.database.thaw();
  }
}
