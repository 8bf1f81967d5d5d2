import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createScratch } from '../../environments/scratch.ts';
import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { keepRunning } from '../keep-running.ts';
import { lateRecoveries, longestRecoveryMs } from '../late-recoveries.ts';
import { openStage } from '../open-stage.ts';
import { addPoison, letterProblems, type PoisonEntry, poisonKinds, waitForLetters } from '../poison.ts';
import { openQueueInspection, type QueueInspection, type QueueLetter } from '../queue-inspection.ts';
import { settle, waitForQuiet } from '../settlement.ts';
import type { ServiceNode, Stage } from '../stage.ts';
import { type RunningLoad, withTrialLoad } from '../trial-load.ts';

const poisonOfEachKind = 10;
/** With one that kills its process, and the poison beside it, 1,000. */
const jobs = 970;
const minIdleMs = 1_000;
const deliveries = 5;
/** Each delivery of a lethal job waits until its last consumer has been silent for long enough. */
const expectedSeconds = deliveries * (minIdleMs / 1_000 + 2);

export const poison: SeriesDefinition = {
  id: 'poison',
  label: 'poison',
  how: `of ${jobs + poisonKinds.length * poisonOfEachKind} entries 1 % each are ${poisonKinds.join(', ')}, and 0.1 % kill their process, which is put back; 2 workers, minimum idle time ${minIdleMs / 1_000} s`,
  mustHold: 'each bad entry one dead letter with its reason, each good one stored',
  role: 'promise',
  mayLose: false,
  trials: { quick: 1, full: 50 },
  open: openPoison,
};

async function openPoison(request: SeriesRequest): Promise<OpenSeries> {
  const { database, signal } = request;
  const scratch = await createScratch({ keep: false });
  let stage: Stage | undefined;
  const close = async (): Promise<void> => {
    await stage?.close();
    await scratch.remove();
  };
  try {
    const lethalFile = join(scratch.path, 'lethal-halls');
    await writeFile(lethalFile, '');
    const opened = await openStage({
      database,
      seatCreation: 'stream',
      workers: 2,
      minIdleMs,
      entry: { worker: ['service/test/controls/lethal-jobs.ts', lethalFile] },
      signal,
      step: (text) => request.step(text),
    });
    stage = opened;
    const queue = await openQueueInspection(opened);
    return {
      settings: opened.settings,
      runTrial: (context) => runTrial({ stage: opened, queue, lethalFile, context }),
      async close() {
        queue.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface PoisonTrial {
  readonly stage: Stage;
  readonly queue: QueueInspection;
  readonly lethalFile: string;
  readonly context: TrialContext;
}

async function runTrial({ stage, queue, lethalFile, context }: PoisonTrial): Promise<TrialOutcome> {
  const { random, signal } = context;
  const deathsAtMs: number[] = [];
  let inFlight = 0;
  const onDeath = async (worker: ServiceNode): Promise<void> => {
    deathsAtMs.push(Date.now());
    inFlight += await queue.entryCount();
    context.step(`${worker.name} has died, ${deathsAtMs.length} deaths`);
  };
  const load = { jobs, seatsPerJob: 10, pace: { inFlight: 16 } };
  return withTrialLoad(stage, { load, context }, async (running) => {
    const { hallIds, ledger } = running;
    const lethalHall = hallIds[Math.floor(random() * hallIds.length)] ?? 0;
    await writeFile(lethalFile, String(lethalHall));
    const entries = await keepRunning(stage.workers, { onDeath, signal }, async () => {
      const added = await submitBesidePoison(running, queue, random);
      context.step('waiting for quiet');
      const timeoutMs = longestRecoveryMs(expectedSeconds);
      await waitForQuiet(stage, ledger, { stillMs: timeoutMs, timeoutMs: 2 * timeoutMs, signal });
      await waitForLetters(queue, added, { timeoutMs, signal });
      return added;
    });
    const [settlement, letters] = [await settle(stage, ledger, new Set([lethalHall])), await queue.letters()];
    const lethal = ledger.entries.find(({ hallId }) => hallId === lethalHall)?.operationId;
    const letter = letters.find(({ operationId }) => operationId === lethal);
    const recoverySeconds = letter && deathsAtMs[0] ? [(letter.writtenAtMs - deathsAtMs[0]) / 1_000] : [];
    return {
      ...settlement,
      faults: deathsAtMs.length,
      idleFaults: 0,
      inFlight,
      recoverySeconds,
      values: {},
      problems: [
        ...settlement.problems,
        ...letterProblems(letters, entries),
        ...lethalProblems(letter, { lethalHall, deaths: deathsAtMs.length }),
        ...lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds }),
      ],
    };
  });
}

/** Each at a moment of its own, while good jobs are sent. */
async function submitBesidePoison(
  { submit, untilAccepted }: RunningLoad,
  queue: QueueInspection,
  random: () => number,
): Promise<readonly PoisonEntry[]> {
  const wanted = poisonKinds.flatMap((kind) =>
    Array.from({ length: poisonOfEachKind }, () => ({ kind, afterAccepted: Math.floor(random() * jobs) })),
  );
  const submitted = submit();
  const added: PoisonEntry[] = [];
  for (const { kind, afterAccepted } of wanted.toSorted((one, other) => one.afterAccepted - other.afterAccepted)) {
    await untilAccepted(afterAccepted);
    added.push(await addPoison(queue, kind));
  }
  await submitted;
  return added;
}

function lethalProblems(
  letter: QueueLetter | undefined,
  { lethalHall, deaths }: { readonly lethalHall: number; readonly deaths: number },
): string[] {
  const reason = 'deliveries-exhausted';
  return [
    ...(letter?.reason === reason
      ? []
      : [`the job of hall ${lethalHall}, which kills its process: ${letter?.reason ?? 'no letter'}, not ${reason}`]),
    ...(deaths > deliveries ? [`${deaths} processes died of one job: ${deliveries} deliveries is the most`] : []),
  ];
}
