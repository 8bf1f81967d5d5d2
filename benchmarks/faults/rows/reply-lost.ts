import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { openStagedSeries } from '../open-staged-series.ts';
import { settle, waitForQuiet } from '../settlement.ts';
import type { Stage } from '../stage.ts';
import { startTcpProxy, type TcpProxy } from '../tcp-proxy.ts';
import { withTrialLoad } from '../trial-load.ts';

const share = 0.1;
const jobs = 1_000;
const minIdleMs = 1_000;

export const replyLost: SeriesDefinition = {
  id: 'reply-lost',
  label: 'reply lost, client retries',
  how: `a proxy between clients and API swallows ${share * 100} % of the replies and resets their connections; clients send again with the same key, and once more after the 202; ${jobs} keys a trial`,
  mustHold: 'every key answered in the end, each stored once, the same operation returned each time',
  role: 'promise',
  mayLose: false,
  trials: { quick: 1, full: 20 },
  open: openReplyLost,
};

function openReplyLost(request: SeriesRequest): Promise<OpenSeries> {
  const openBeside = ({ apis }: Stage): Promise<TcpProxy> =>
    startTcpProxy({ targetPort: Number(new URL(apis[0]?.apiUrl ?? '').port) });
  return openStagedSeries(
    request,
    { seatCreation: 'stream', workers: 1, minIdleMs, openBeside },
    (stage, proxy) => (context) => runTrial(stage, proxy, context),
  );
}

async function runTrial(stage: Stage, proxy: TcpProxy, context: TrialContext): Promise<TrialOutcome> {
  const { random, signal } = context;
  const before = proxy.droppedReplies;
  const load = {
    jobs,
    seatsPerJob: 10,
    pace: { inFlight: 16 },
    askTwice: true,
    apiUrls: [`http://127.0.0.1:${proxy.port}`],
  };
  return withTrialLoad(stage, { load, context }, async ({ ledger, submit }) => {
    context.step('accepting jobs, replies are lost');
    proxy.dropReplies(share, random);
    try {
      await submit();
    } finally {
      await proxy.heal();
    }
    await waitForQuiet(stage, ledger, { stillMs: 3 * minIdleMs, timeoutMs: 60_000, signal });
    const dropped = proxy.droppedReplies - before;
    const settlement = await settle(stage, ledger);
    const unanswered = settlement.offered - settlement.accepted;
    return {
      ...settlement,
      faults: dropped,
      idleFaults: 0,
      inFlight: dropped,
      recoverySeconds: [],
      values: {
        dropped_replies: dropped,
        attempts_per_key: ledger.entries.reduce((sum, { attempts }) => sum + attempts, 0) / settlement.offered,
      },
      problems: [
        ...settlement.problems,
        ...(unanswered > 0 ? [`${unanswered} of ${settlement.offered} keys were never answered with 202`] : []),
      ],
    };
  });
}
