import { setTimeout as sleep } from 'node:timers/promises';

import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { ledgerClockMs } from '../accepted-ledger.ts';
import { lateRecoveries, longestRecoveryMs, provesSomething } from '../late-recoveries.ts';
import { openStage } from '../open-stage.ts';
import { countInFlight, settle, waitForQuiet } from '../settlement.ts';
import type { Stage } from '../stage.ts';
import { type RunningLoad, withTrialLoad } from '../trial-load.ts';
import { untilPong } from '../until-pong.ts';

const minIdleMs = 3_000;
const expectedSeconds = 2;
const jobs = 600;
const seatsPerJob = 200;
const clientsInFlight = 16;

export const redisRestart: SeriesDefinition = {
  id: 'redis-restart',
  label: 'Redis SIGKILL and restart',
  how: `the queue's Redis is killed under load at a random moment and started again on its files; ${jobs} jobs of ${seatsPerJob} seats, ${clientsInFlight} clients in flight that send again; minimum idle time ${minIdleMs / 1_000} s`,
  mustHold: `0 lost, 0 duplicate; a new job is accepted and stored, expected within ${expectedSeconds} s of PING`,
  role: 'promise',
  mayLose: false,
  trials: { quick: 3, full: 100 },
  open: openRedisRestarts,
};

async function openRedisRestarts(request: SeriesRequest): Promise<OpenSeries> {
  const { database, signal } = request;
  const stage = await openStage({
    database,
    seatCreation: 'stream',
    workers: 1,
    minIdleMs,
    signal,
    step: (text) => request.step(text),
  });
  const { settings } = stage;
  return { settings, runTrial: (context) => runTrial(stage, context), close: () => stage.close() };
}

const mostIdleFaults = 10;

async function runTrial(stage: Stage, context: TrialContext): Promise<TrialOutcome> {
  for (let idleFaults = 0; idleFaults < mostIdleFaults; idleFaults += 1) {
    const outcome = await runRestart(stage, context);
    if (provesSomething(outcome)) return { ...outcome, idleFaults };
  }
  throw new Error(`${mostIdleFaults} kills met no work in flight: give a trial more jobs than ${jobs}`);
}

async function runRestart(stage: Stage, context: TrialContext): Promise<TrialOutcome> {
  const { redisQueue } = stage;
  const { random, signal } = context;
  try {
    const load = { jobs, seatsPerJob, pace: { inFlight: clientsInFlight } };
    return await withTrialLoad(stage, { load, context }, async (running) => {
      const submitted = running.submit();
      await running.untilAccepted(Math.round(jobs * (0.1 + 0.5 * random())));
      context.step('SIGKILL of Redis');
      await redisQueue.kill();
      const inFlight = await countInFlight(stage, running.ledger);
      const answersAtMs = await startUntilPong(stage, signal);
      const seconds = await secondsUntilStored(stage, running, { answersAtMs, signal });
      await submitted;
      context.step('waiting for quiet');
      await waitForQuiet(stage, running.ledger, { stillMs: 2 * minIdleMs + 2_000, timeoutMs: 60_000, signal });
      const settlement = await settle(stage, running.ledger);
      const recoverySeconds = seconds === undefined ? [] : [seconds];
      return {
        ...settlement,
        faults: 1,
        idleFaults: 0,
        inFlight,
        recoverySeconds,
        values: {},
        problems: [...settlement.problems, ...lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds })],
      };
    });
  } finally {
    if (!redisQueue.isRunning()) await redisQueue.start();
  }
}

/** When the server answered again, by the ledger's clock. */
async function startUntilPong({ redisQueue }: Stage, signal: AbortSignal): Promise<number> {
  const failed = new AbortController();
  const pong = untilPong(redisQueue.port, AbortSignal.any([signal, failed.signal])).then(ledgerClockMs);
  try {
    const [answersAtMs] = await Promise.all([pong, redisQueue.start()]);
    return answersAtMs;
  } finally {
    failed.abort();
  }
}

/** Until a job that was accepted after the restart is done; `undefined`: not in time. */
async function secondsUntilStored(
  { database }: Stage,
  running: RunningLoad,
  { answersAtMs, signal }: { readonly answersAtMs: number; readonly signal: AbortSignal },
): Promise<number | undefined> {
  while (ledgerClockMs() - answersAtMs < longestRecoveryMs(expectedSeconds)) {
    const accepted = running.accepted().filter(({ acceptedAtMs }) => acceptedAtMs > answersAtMs);
    const operations = accepted.length > 0 ? await database.audit.operations() : new Map<string, never>();
    if (accepted.some(({ operationId }) => operations.get(operationId)?.state === 'done')) {
      return (ledgerClockMs() - answersAtMs) / 1_000;
    }
    await sleep(20, undefined, { signal });
  }
  return undefined;
}
