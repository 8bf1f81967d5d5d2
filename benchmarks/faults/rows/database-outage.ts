import type { ProfileName } from '../../protocol/experiment.ts';
import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { isAccepted } from '../accepted-ledger.ts';
import { lateRecoveries, longestRecoveryMs } from '../late-recoveries.ts';
import { openInspectedSeries } from '../open-inspected-series.ts';
import { poll } from '../poll.ts';
import type { QueueInspection } from '../queue-inspection.ts';
import { settle, waitForQuiet, waitUntilSettled } from '../settlement.ts';
import { smallDiskUnavailable } from '../small-disk.ts';
import type { DatabaseNode, Stage } from '../stage.ts';
import { submitJobs } from '../submit-jobs.ts';
import { type RunningLoad, withTrialLoad } from '../trial-load.ts';

const minIdleMs = 3_000;
const perSecond = 100;
const seatsPerJob = 50;
/** Sent as fast as they are answered, so that the outage begins in the middle of transactions. */
const before = 200;
/** Over what is offered until the end of an outage: where accepting has to end. */
const headroom = 50;
/** Offered at the end of an outage: more than there can be room for, also when all was done that was sent before it. */
const beyond = before + headroom + 100;

/** The drain begins within the longest pause of a worker, 5 s. */
const profiles: Readonly<Record<ProfileName, { readonly outageSeconds: number; readonly expectedSeconds: number }>> = {
  quick: { outageSeconds: 5, expectedSeconds: 10 },
  full: { outageSeconds: 60, expectedSeconds: 40 },
};

interface Outage {
  readonly id: string;
  readonly label: string;
  readonly how: string;
  /** Of the stage's database; needed to fill it. */
  readonly diskBytes?: number;
  readonly unavailable: NonNullable<SeriesDefinition['unavailable']>;
  /** The returned function ends it, and may be called twice. */
  begin(database: DatabaseNode): Promise<() => Promise<void>>;
}

const needsServer: Outage['unavailable'] = ({ database }) =>
  Promise.resolve(database === 'postgres' ? undefined : 'SQLite has no server: take DATABASE=postgres');

const outages: readonly Outage[] = [
  {
    id: 'stopped',
    label: 'database stopped',
    how: 'PostgreSQL is shut down and started again',
    unavailable: needsServer,
    async begin(database) {
      await database.stop();
      return () => startAgain(database);
    },
  },
  {
    id: 'frozen',
    label: 'database frozen',
    how: 'SIGSTOP to every process of PostgreSQL, then SIGCONT',
    unavailable: needsServer,
    begin(database) {
      database.freeze();
      return Promise.resolve(() => Promise.resolve(database.thaw()));
    },
  },
  {
    id: 'locked',
    label: 'database locked',
    how: 'somebody else holds the lock that every writer of seats needs',
    unavailable: () => Promise.resolve(undefined),
    begin: (database) => database.lock(),
  },
  {
    id: 'disk-full',
    label: 'database disk full',
    how: 'no page is free on the file system of the tables',
    diskBytes: 192 * 1024 * 1024,
    unavailable: async (request) => (await needsServer(request)) ?? smallDiskUnavailable(),
    async begin(database) {
      const empty = await database.fillDisk();
      return async () => {
        await empty();
        await startAgain(database);
      };
    },
  },
];

async function startAgain(database: DatabaseNode): Promise<void> {
  if (!database.isRunning()) await database.start();
}

export const databaseOutages: readonly SeriesDefinition[] = outages.map((outage) => ({
  id: `database-${outage.id}`,
  label: outage.label,
  how: `begins at random while ${before} jobs of ${seatsPerJob} seats are sent and worked off: ${outage.how}, after ${profiles.quick.outageSeconds} s (full: ${profiles.full.outageSeconds} s); meanwhile ${perSecond} jobs a second, each sent once, and at its end more than the backlog limit has room for`,
  mustHold: `all accepted up to the backlog limit, 503 beyond it; no attempt counted, 0 dead letters, 0 lost, 0 duplicate; drained, expected within ${profiles.quick.expectedSeconds} s (full: ${profiles.full.expectedSeconds} s)`,
  role: 'promise',
  mayLose: false,
  trials: { quick: 1, full: 1 },
  unavailable: outage.unavailable,
  open: (request) => openOutage(outage, request),
}));

function openOutage(outage: Outage, request: SeriesRequest): Promise<OpenSeries> {
  const { profile } = request;
  const offered = before + perSecond * profiles[profile].outageSeconds;
  return openInspectedSeries(
    request,
    {
      workers: 1,
      minIdleMs,
      configuration: {
        SEAT_CREATION_BACKLOG_LIMIT: String(offered + headroom),
        // The service waits for a lock for two thirds of it: so short that an outage of any length is met as an error.
        DATABASE_STATEMENT_TIMEOUT_MS: '1500',
      },
      ...(outage.diskBytes !== undefined && { databaseDiskBytes: outage.diskBytes }),
    },
    (stage, inspection) => (context) => runTrial({ stage, inspection, outage, offered, ...profiles[profile] }, context),
  );
}

interface OutageTrial {
  readonly stage: Stage;
  readonly inspection: QueueInspection;
  readonly outage: Outage;
  /** Jobs that must all be accepted: those before the outage, and those in it. */
  readonly offered: number;
  readonly outageSeconds: number;
  readonly expectedSeconds: number;
}

function runTrial(trial: OutageTrial, context: TrialContext): Promise<TrialOutcome> {
  const { stage, inspection, offered, expectedSeconds } = trial;
  const { random, signal } = context;
  const load = { jobs: offered + beyond, seatsPerJob, pace: { perSecond } };
  return withTrialLoad(stage, { load, context }, async (running) => {
    const { hallIds, ledger } = running;
    const sentBefore = submitOnce(stage, running, {
      hallIds: hallIds.slice(0, before),
      pace: { inFlight: 16 },
      signal,
    });
    // Awaited below; until then a rejection is nobody's.
    sentBefore.catch(() => undefined);
    await running.untilAccepted(Math.floor(before * (0.25 + 0.5 * random())));
    const inFlight = await untilPending(inspection, signal);
    context.step(`${trial.outage.label} for ${trial.outageSeconds} s`);
    await duringOutage(trial, async () => {
      await submitOnce(stage, running, { hallIds: hallIds.slice(before, offered), pace: { perSecond }, signal });
      await submitOnce(stage, running, { hallIds: hallIds.slice(offered), pace: { inFlight: 8 }, signal });
    });
    await sentBefore;
    const endedAtMs = performance.now();
    context.step('waiting until it is drained');
    const accepted = ledger.entries.filter(isAccepted).map(({ operationId }) => operationId);
    const timeoutMs = longestRecoveryMs(expectedSeconds);
    const recovered = await waitUntilSettled(stage, accepted, { timeoutMs, signal });
    const recoverySeconds = recovered ? [(performance.now() - endedAtMs) / 1_000] : [];
    await waitForQuiet(stage, ledger, { stillMs: 15_000, timeoutMs: 120_000, signal });
    const settlement = await settle(stage, ledger);
    return {
      ...settlement,
      faults: 1,
      idleFaults: 0,
      inFlight,
      recoverySeconds,
      values: {},
      problems: [
        ...settlement.problems,
        ...acceptanceProblems(running, offered),
        ...(await burntAttempts(stage, accepted)),
        ...lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds }),
      ],
    };
  });
}

/** How many entries a worker holds, as soon as it holds one. @throws when it holds none for 5 s */
async function untilPending(inspection: QueueInspection, signal: AbortSignal): Promise<number> {
  const held = await poll(async () => (await inspection.pending()).length || undefined, {
    everyMs: 1,
    withinMs: 5_000,
    signal,
  });
  if (held === undefined) throw new Error('no worker held an entry for 5 s: the outage would meet nothing');
  return held;
}

async function duringOutage({ stage: { database }, outage }: OutageTrial, work: () => Promise<void>): Promise<void> {
  const end = await outage.begin(database);
  try {
    await work();
  } finally {
    await end();
  }
}

function submitOnce(
  { apis, apiToken }: Stage,
  { ledger }: RunningLoad,
  part: Pick<Parameters<typeof submitJobs>[0], 'hallIds' | 'pace' | 'signal'>,
): Promise<void> {
  const apiUrls = apis.flatMap(({ apiUrl }) => apiUrl ?? []);
  return submitJobs({ apiUrls, apiToken, ledger, retry: 'never', retryForMs: 0, ...part });
}

/** Every job up to the limit, and of those at the end not all: else the outage was none, or the limit is. */
function acceptanceProblems({ hallIds, ledger }: RunningLoad, offered: number): string[] {
  const within = new Set(hallIds.slice(0, offered));
  const refused = ledger.entries.filter((entry) => !isAccepted(entry));
  const early = refused.filter(({ hallId }) => within.has(hallId));
  const statuses = [...new Set(early.map(({ status }) => status ?? 'no answer'))].join(', ');
  return [
    ...(early.length > 0
      ? [`${early.length} of ${offered} jobs were not accepted during the outage: ${statuses}`]
      : []),
    ...(refused.some(({ status }) => status === 503) ? [] : ['nothing was refused beyond the backlog limit']),
  ];
}

async function burntAttempts({ database }: Stage, operationIds: readonly string[]): Promise<string[]> {
  const operations = await database.audit.operations();
  const burnt = operationIds.filter((operationId) => (operations.get(operationId)?.failedAttempts ?? 0) > 0);
  return burnt.length > 0 ? [`attempts were counted for ${burnt.length} jobs`] : [];
}
