import { setTimeout as sleep } from 'node:timers/promises';

import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import type { AcceptedLedger } from '../accepted-ledger.ts';
import { consumerOfWorker } from '../consumer-of-worker.ts';
import { type EntryOwners, watchEntryOwners } from '../entry-owners.ts';
import { lateRecoveries, longestRecoveryMs } from '../late-recoveries.ts';
import { openInspectedSeries } from '../open-inspected-series.ts';
import { addPoison, letterProblems } from '../poison.ts';
import { pollUntil } from '../poll.ts';
import type { QueueInspection } from '../queue-inspection.ts';
import { settle, type Settlement, waitForQuiet } from '../settlement.ts';
import type { ServiceNode, Stage } from '../stage.ts';
import { withTrialLoad } from '../trial-load.ts';

/** One batch of a worker takes 100 at most. */
const jobs = 60;
const minIdleMs = 1_000;
const frozenMs = 3 * minIdleMs;
/** When the zombie has taken nothing back by then, it never will: its heart beats every third of the minimum idle time. */
const watchedMs = minIdleMs;
const expectedSeconds = minIdleMs / 1_000 + 2;

const how = `SIGSTOP for 3 x minimum idle time (${minIdleMs / 1_000} s) of a worker with ${jobs} jobs and one for an unknown hall in its transaction, which waits for a lock; another takes over; SIGCONT, then the lock is released`;

/** The workers come up while the database is locked, so that one of them gets all entries in one batch. */
const unavailable = ({ database }: Pick<SeriesRequest, 'database'>): Promise<string | undefined> =>
  Promise.resolve(
    database === 'postgres'
      ? undefined
      : 'no worker starts while the one writer of SQLite is held: run it with DATABASE=postgres',
  );

export const zombie: SeriesDefinition = {
  id: 'zombie',
  label: 'zombie',
  how,
  mustHold: '0 duplicate, nothing taken back, one dead letter for the unknown hall and none for the others',
  role: 'promise',
  mayLose: false,
  trials: { quick: 3, full: 30 },
  unavailable,
  open: (request) => openZombies(request),
};

export const bareHeartbeat: SeriesDefinition = {
  id: 'bare-heartbeat',
  label: 'control: bare heartbeat',
  how: `${how}; the heartbeat is a bare XCLAIM`,
  mustHold: 'must take back what another has taken over',
  role: 'control',
  mustShow: { problem: 'the zombie has taken back' },
  mayLose: false,
  trials: { quick: 1, full: 5 },
  unavailable,
  open: (request) => openZombies(request, ['service/test/controls/seat-creation-control.ts', 'bare-heartbeat']),
};

function openZombies(request: SeriesRequest, worker?: readonly string[]): Promise<OpenSeries> {
  return openInspectedSeries(
    request,
    {
      workers: 2,
      minIdleMs,
      ...(worker && { entry: { worker } }),
    },
    (stage, queue) => (context) => runTrial(stage, queue, { context, isControl: worker !== undefined }),
  );
}

async function runTrial(
  stage: Stage,
  queue: QueueInspection,
  { context, isControl }: { readonly context: TrialContext; readonly isControl: boolean },
): Promise<TrialOutcome> {
  const { random } = context;
  const [first, second] = stage.workers;
  if (!first || !second) throw new Error('a zombie needs two workers');
  const [dying, other] = random() < 0.5 ? [first, second] : [second, first];
  // All entries are to be one batch, in the hands of one worker.
  await Promise.all([dying.stop(), other.stop()]);
  const load = { jobs, seatsPerJob: 100, pace: { inFlight: 16 } };
  return withTrialLoad(stage, { load, context }, async ({ ledger, submit }) => {
    await submit();
    const poison = await addPoison(queue, 'unknown hall');
    const unlock = await stage.database.lock();
    try {
      const awakening = await awaken({ stage, dying, other, queue, ledger, unlock, context });
      const settlement = await settle(stage, ledger);
      return outcomeOf(awakening, settlement, { letters: letterProblems(await queue.letters(), [poison]), isControl });
    } finally {
      await unlock();
      for (const worker of stage.workers) {
        worker.thaw();
        if (!worker.isRunning()) await worker.launch();
      }
    }
  });
}

interface Zombie {
  readonly stage: Stage;
  readonly dying: ServiceNode;
  readonly other: ServiceNode;
  readonly queue: QueueInspection;
  readonly ledger: AcceptedLedger;
  readonly unlock: () => Promise<void>;
  readonly context: TrialContext;
}

interface Awakening {
  readonly held: number;
  /** From the freeze to the first entry in other hands; `undefined`: it never came to that. */
  readonly takenOverSeconds: number | undefined;
  readonly takenBack: number;
}

async function awaken({ stage, dying, other, queue, ledger, unlock, context }: Zombie): Promise<Awakening> {
  const { signal } = context;
  await dying.launch();
  const entries = jobs + 1;
  const polling = { everyMs: 5, withinMs: 30_000, signal };
  await pollUntil(async () => (await queue.pending()).length === entries, {
    ...polling,
    notSo: `${dying.name} did not take ${entries} entries`,
  });
  // Only while the first one's slot is taken does the other one get a name of its own.
  await other.launch();
  await pollUntil(async () => (await consumerOfWorker(other)) !== undefined, {
    ...polling,
    notSo: `${other.name} got no consumer's name`,
  });
  dying.freeze();
  const frozenAtMs = performance.now();
  const held = await queue.pending();
  const firstOwner = held[0]?.consumer;
  if (firstOwner === undefined) throw new Error(`${dying.name} held nothing when it was frozen`);
  context.step(`SIGSTOP of ${firstOwner} with ${held.length} entries`);
  let takenBack: number;
  const owners = watchEntryOwners(queue, held, { firstOwner, minIdleMs, signal });
  try {
    await frozenUntilTakenOver(owners, frozenAtMs, signal);
    dying.thaw();
    context.step(`SIGCONT of ${firstOwner}`);
    await sleep(watchedMs, undefined, { signal });
    await unlock();
    context.step('waiting until all is settled');
    const timeoutMs = longestRecoveryMs(expectedSeconds);
    await waitForQuiet(stage, ledger, { stillMs: timeoutMs, timeoutMs: 2 * timeoutMs, signal });
  } finally {
    takenBack = await owners.stop();
  }
  const takenOverAtMs = owners.takenOverAtMs();
  return {
    held: held.length,
    takenOverSeconds: takenOverAtMs === undefined ? undefined : (takenOverAtMs - frozenAtMs) / 1_000,
    takenBack,
  };
}

async function frozenUntilTakenOver(owners: EntryOwners, frozenAtMs: number, signal: AbortSignal): Promise<void> {
  const latestMs = frozenAtMs + longestRecoveryMs(expectedSeconds);
  const isOver = (): boolean =>
    performance.now() - frozenAtMs >= frozenMs &&
    (owners.takenOverAtMs() !== undefined || performance.now() > latestMs);
  while (!isOver()) await sleep(10, undefined, { signal });
}

function outcomeOf(
  { held, takenOverSeconds, takenBack }: Awakening,
  settlement: Settlement,
  { letters, isControl }: { readonly letters: readonly string[]; readonly isControl: boolean },
): TrialOutcome {
  const recoverySeconds = takenOverSeconds === undefined ? [] : [takenOverSeconds];
  return {
    ...settlement,
    faults: 1,
    idleFaults: 0,
    inFlight: held,
    recoverySeconds,
    values: {},
    problems: [
      ...settlement.problems,
      ...(takenBack > 0 ? [`the zombie has taken back ${takenBack} entries from a worker that was alive`] : []),
      // A control is to fail by what is wrong with it.
      ...(isControl ? [] : letters),
      ...(isControl ? [] : lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds })),
    ],
  };
}
