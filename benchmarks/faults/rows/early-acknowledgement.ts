import type { OpenSeries, SeriesDefinition, TrialContext, TrialOutcome } from '../../protocol/trial-experiment.ts';
import { openInspectedSeries } from '../open-inspected-series.ts';
import { pollUntil } from '../poll.ts';
import type { QueueInspection } from '../queue-inspection.ts';
import { countInFlight, settle, waitForQuiet } from '../settlement.ts';
import type { Stage } from '../stage.ts';
import { withTrialLoad } from '../trial-load.ts';

const minIdleMs = 1_000;
const jobs = 100;
/** One transaction of 100,000 seats: long enough to be killed in it. */
const seatsPerJob = 1_000;
const takenWithinMs = 30_000;

export const earlyAcknowledgement: SeriesDefinition = {
  id: 'early-acknowledgement',
  label: 'control: acknowledged before the commit',
  how: `a worker that acknowledges what it has read before it is committed is killed as soon as it has taken the first of ${jobs} jobs of ${seatsPerJob} seats, and put back`,
  mustHold: 'must lose accepted work, or the harness is blind',
  role: 'control',
  mustShow: 'lost',
  mayLose: false,
  trials: { quick: 1, full: 3 },
  open(request): Promise<OpenSeries> {
    return openInspectedSeries(
      request,
      {
        workers: 1,
        minIdleMs,
        entry: { worker: ['service/test/controls/seat-creation-control.ts', 'early-acknowledgement'] },
      },
      (stage, inspection) => (context) => runTrial(stage, inspection, context),
    );
  },
};

async function runTrial(stage: Stage, inspection: QueueInspection, context: TrialContext): Promise<TrialOutcome> {
  const { signal } = context;
  const [worker] = stage.workers;
  if (!worker) throw new Error('the stage came up without a worker');
  await worker.stop();
  try {
    const load = { jobs, seatsPerJob, pace: { inFlight: 16 } };
    return await withTrialLoad(stage, { load, context }, async ({ ledger, submit }) => {
      await submit();
      const waiting = await inspection.entryCount();
      await worker.launch();
      await pollUntil(async () => (await inspection.entryCount()) !== waiting, {
        everyMs: 1,
        withinMs: takenWithinMs,
        signal,
        notSo: `${worker.name} took no job`,
      });
      context.step('SIGKILL of the worker');
      await worker.kill();
      const inFlight = await countInFlight(stage, ledger);
      await worker.start();
      await waitForQuiet(stage, ledger, { stillMs: 3 * minIdleMs, timeoutMs: 60_000, signal });
      const faults = inFlight > 0 ? 1 : 0;
      return {
        ...(await settle(stage, ledger)),
        faults,
        idleFaults: 1 - faults,
        inFlight,
        recoverySeconds: [],
        values: {},
      };
    });
  } finally {
    if (!worker.isRunning()) await worker.start();
  }
}
