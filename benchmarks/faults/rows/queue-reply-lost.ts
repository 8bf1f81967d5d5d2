import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { openInspectedSeries } from '../open-inspected-series.ts';
import { addPoison, letterProblems, type PoisonEntry, waitForLetters } from '../poison.ts';
import type { QueueInspection } from '../queue-inspection.ts';
import { settle, waitForQuiet } from '../settlement.ts';
import type { Stage } from '../stage.ts';
import type { TcpProxy } from '../tcp-proxy.ts';
import { withTrialLoad } from '../trial-load.ts';

const share = 0.1;
const jobs = 300;
/** For halls that are not there: each is worth one dead letter. */
const badJobsEach = 10;
const minIdleMs = 1_000;
const settledWithinMs = 60_000;

const how = `a proxy between the service and the queue's Redis swallows ${share * 100} % of the replies and resets their connections; clients send again with the same key`;

export const queueReplyLost: SeriesDefinition = {
  id: 'queue-reply-lost',
  label: 'reply of Redis lost',
  how: `${how}; ${jobs} keys and ${2 * badJobsEach} jobs for unknown halls a trial`,
  mustHold: 'every key stored once, the same operation returned; one dead letter for each job of an unknown hall',
  role: 'promise',
  mayLose: false,
  trials: { quick: 1, full: 20 },
  open: (request) => openQueueReplyLost(request, { rounds: 2 }),
};

/** MULTI { XACK, XADD }, sent again because its reply was lost, acknowledges nothing and writes the letter again. */
export const transactionalDeadLetter: SeriesDefinition = {
  id: 'transactional-dead-letter',
  label: 'control: letter in MULTI',
  how: `${how}; jobs for unknown halls, ${badJobsEach} at a time, until one has two letters, ${15 * badJobsEach} at most`,
  mustHold: 'must write a letter twice when the reply to the first is lost',
  role: 'control',
  mustShow: { problem: 'have more than one dead letter' },
  mayLose: false,
  trials: { quick: 1, full: 5 },
  open: (request) =>
    openQueueReplyLost(request, {
      rounds: 15,
      worker: ['service/test/controls/seat-creation-control.ts', 'transactional-dead-letter'],
    }),
};

interface Losses {
  /** Of jobs for unknown halls; the first round that shows a problem is the last. */
  readonly rounds: number;
  readonly worker?: readonly string[];
}

function openQueueReplyLost(request: SeriesRequest, { rounds, worker }: Losses): Promise<OpenSeries> {
  return openInspectedSeries(
    request,
    {
      workers: 1,
      minIdleMs,
      proxied: ['redisQueue'],
      ...(worker && { entry: { worker } }),
    },
    (stage, queue) => {
      const { redisQueue: proxy } = stage.proxies;
      if (!proxy) throw new Error("the stage came up without a proxy in front of the queue's Redis");
      return (context) => runTrial({ stage, proxy, queue, rounds, isControl: worker !== undefined, context });
    },
  );
}

interface Trial {
  readonly stage: Stage;
  readonly proxy: TcpProxy;
  readonly queue: QueueInspection;
  readonly rounds: number;
  readonly isControl: boolean;
  readonly context: TrialContext;
}

async function runTrial({ stage, proxy, queue, rounds, isControl, context }: Trial): Promise<TrialOutcome> {
  const { random, signal } = context;
  const before = proxy.droppedReplies;
  const load = { jobs, seatsPerJob: 10, pace: { inFlight: 16 } };
  return withTrialLoad(stage, { load, context }, async ({ ledger, submit }) => {
    context.step('accepting jobs, replies of Redis are lost');
    const poison: PoisonEntry[] = [];
    proxy.dropReplies(share, random);
    try {
      const submitted = submit();
      for (let round = 1; round <= rounds && letterProblems(await queue.letters(), poison).length === 0; round += 1) {
        context.step(`jobs for unknown halls, round ${round}`);
        for (let bad = 0; bad < badJobsEach; bad += 1) poison.push(await addPoison(queue, 'unknown hall'));
        await waitForLetters(queue, poison, { timeoutMs: settledWithinMs, signal });
      }
      await submitted;
    } finally {
      await proxy.heal();
    }
    await waitForQuiet(stage, ledger, { stillMs: 3 * minIdleMs, timeoutMs: settledWithinMs, signal });
    const dropped = proxy.droppedReplies - before;
    const settlement = await settle(stage, ledger);
    const unanswered = settlement.offered - settlement.accepted;
    return {
      ...settlement,
      faults: dropped,
      idleFaults: 0,
      inFlight: dropped,
      recoverySeconds: [],
      values: { dropped_replies: dropped },
      problems: [
        ...settlement.problems,
        // A control is to fail by what is wrong with it.
        ...(unanswered > 0 && !isControl
          ? [`${unanswered} of ${settlement.offered} keys were never answered with 202`]
          : []),
        ...letterProblems(await queue.letters(), poison),
      ],
    };
  });
}
