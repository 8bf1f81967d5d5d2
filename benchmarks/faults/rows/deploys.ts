import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { openInspectedSeries } from '../open-inspected-series.ts';
import type { QueueInspection } from '../queue-inspection.ts';
import { settle, waitForQuiet } from '../settlement.ts';
import type { ServiceNode, Stage } from '../stage.ts';
import { withTrialLoad } from '../trial-load.ts';

const deploysEach = 50;
const perSecond = 30;
const minIdleMs = 1_000;
/** While a deploy goes on there are two workers, and so two names: one more is a process that ended badly. */
const mostConsumers = 3;

export const deploys: SeriesDefinition = {
  id: 'deploys',
  label: 'deploys',
  how: `a new worker is started and the old one stopped by SIGTERM, ${deploysEach} times in a trial, under ${perSecond} jobs a second`,
  mustHold: `0 lost, 0 duplicate; at most ${mostConsumers} consumers in the list, nothing left pending`,
  role: 'promise',
  mayLose: false,
  trials: { quick: 1, full: 20 },
  open: openDeploys,
};

function openDeploys(request: SeriesRequest): Promise<OpenSeries> {
  return openInspectedSeries(
    request,
    { workers: 2, minIdleMs },
    (stage, queue) => (context) => runTrial(stage, queue, context),
  );
}

interface Deployed {
  readonly inFlight: number;
  readonly consumers: number;
  /** How the old worker ended. */
  readonly end: string;
}

async function runTrial(stage: Stage, queue: QueueInspection, context: TrialContext): Promise<TrialOutcome> {
  const { signal } = context;
  // Longer than the deploys take: the rest is never sent.
  const load = { jobs: deploysEach * perSecond, seatsPerJob: 200, pace: { perSecond } };
  return withTrialLoad(stage, { load, context }, async ({ ledger, submit, end }) => {
    const submitted = submit();
    const deployed: Deployed[] = [];
    for (let number = 1; number <= deploysEach; number += 1) {
      context.step(`deploy ${number}/${deploysEach}`);
      deployed.push(await deploy(stage, queue));
    }
    await end();
    await submitted;
    await waitForQuiet(stage, ledger, { stillMs: 5 * minIdleMs, timeoutMs: 60_000, signal });
    const met = deployed.filter(({ inFlight }) => inFlight > 0);
    const settlement = await settle(stage, ledger);
    return {
      ...settlement,
      faults: met.length,
      idleFaults: deployed.length - met.length,
      inFlight: met.reduce((sum, { inFlight }) => sum + inFlight, 0),
      recoverySeconds: [],
      values: {},
      problems: [...settlement.problems, ...deployProblems(deployed), ...(await pendingProblems(queue))],
    };
  });
}

/** The one that is not running becomes the new one. */
async function deploy({ workers }: Stage, queue: QueueInspection): Promise<Deployed> {
  const next = workers.find((worker) => !worker.isRunning());
  const last = workers.find((worker) => worker !== next);
  if (!last) throw new Error('a deploy needs two workers');
  if (next) await next.start();
  const consumers = (await queue.consumers()).length;
  const inFlight = await queue.entryCount();
  return { inFlight, consumers, end: await stop(last) };
}

async function stop(worker: ServiceNode): Promise<string> {
  const { process } = worker;
  await worker.stop();
  return process.ended;
}

function deployProblems(deployed: readonly Deployed[]): string[] {
  const most = Math.max(...deployed.map(({ consumers }) => consumers));
  const badEnds = deployed.map(({ end }) => end).filter((end) => end !== 'exit status 0');
  return [
    ...(most > mostConsumers ? [`${most} consumers were in the list, of ${mostConsumers} at most`] : []),
    ...(badEnds[0] ? [`${badEnds.length} of ${deployed.length} workers did not end in order: ${badEnds[0]}`] : []),
  ];
}

async function pendingProblems(queue: QueueInspection): Promise<string[]> {
  const pending = await queue.pending();
  return pending.length === 0 ? [] : [`${pending.length} entries are still pending, as for ${pending[0]?.consumer}`];
}
