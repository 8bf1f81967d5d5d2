import type { OpenSeries, SeriesDefinition, SeriesRequest } from '../../protocol/trial-experiment.ts';
import { pagesOf } from '../cache-outage/page-reads.ts';
import { openStage } from '../open-stage.ts';
import type { Stage } from '../stage.ts';
import type { PoolLoad } from './pool-load.ts';
import type { PoolTrial } from './pool-observation.ts';
import { exhausted } from './pool-outcome.ts';
import { runPoolTrial } from './pool-trial.ts';
import { type SlowPartner, startSlowPartner } from './slow-partner.ts';

/** What all cases have in common. */
export const poolSettings = {
  poolSize: 10,
  acquireTimeoutMs: 2_000,
  /** Of the network between the service and the database, in each direction. */
  networkSeconds: 0.002,
  performances: 2_000,
  rowsOfPage: 20,
  pagesPerSecond: 80,
  /** Of the N + 1 before and after its fault, which is traffic. */
  quietPagesPerSecond: 10,
  changesPerSecond: 10,
  partnerSeconds: 0.02,
  slowPartnerSeconds: 2,
  intervalSeconds: 1,
  mostLateSeconds: 0.05,
} as const;

export const phaseSeconds = { before: 4, fault: 8, after: 6 } as const;

interface PoolCase extends Pick<SeriesDefinition, 'id' | 'label' | 'how'> {
  readonly isProblem: boolean;
  /** A variant of service/test/controls/pool-exhaustion-control.ts; absent: the service itself. */
  readonly variant?: string;
  readonly phases: PoolTrial['phases'];
  readonly load: Pick<PoolLoad, 'pagesPerSecond' | 'changesPerSecond'>;
}

const { pagesPerSecond, quietPagesPerSecond, changesPerSecond, partnerSeconds, slowPartnerSeconds } = poolSettings;
const partnerPhases = {
  before: `partner: ${1_000 * partnerSeconds} ms`,
  fault: `partner: ${slowPartnerSeconds} s`,
  after: `partner: ${1_000 * partnerSeconds} ms again`,
};
const trafficPhases = {
  before: `${quietPagesPerSecond} pages/s`,
  fault: `${pagesPerSecond} pages/s`,
  after: `${quietPagesPerSecond} pages/s again`,
};
const withPartner = { phases: partnerPhases, load: { pagesPerSecond, changesPerSecond } };
const withTraffic = { phases: trafficPhases, load: { pagesPerSecond: quietPagesPerSecond, changesPerSecond: 0 } };
const partnerLoad = `${pagesPerSecond} main pages and ${changesPerSecond} changes a second, each told to a partner`;

export const poolCases: readonly PoolCase[] = [
  {
    id: 'held-transaction',
    label: 'Call in the transaction',
    how: `${partnerLoad} before its transaction commits; the partner's answer slows down from ${1_000 * partnerSeconds} ms to ${slowPartnerSeconds} s`,
    isProblem: true,
    variant: 'held-transaction',
    ...withPartner,
  },
  {
    id: 'call-after-commit',
    label: 'Call after the commit',
    how: `${partnerLoad} when its transaction has committed: the same load, the same partner`,
    isProblem: false,
    variant: 'call-after-commit',
    ...withPartner,
  },
  {
    id: 'n-plus-one',
    label: 'N + 1 queries',
    how: `the main page of ${poolSettings.rowsOfPage} rows asks for each row's performance and hall; traffic rises from ${quietPagesPerSecond} to ${pagesPerSecond} pages a second`,
    isProblem: true,
    variant: 'n-plus-one',
    ...withTraffic,
  },
  {
    id: 'one-query',
    label: 'One query',
    how: 'the service as it is, whose main page is one statement: the same load',
    isProblem: false,
    ...withTraffic,
  },
];

/** Each case as it goes wrong, which must be seen, and mended, which must hold. */
export const poolSeries: readonly SeriesDefinition[] = poolCases.map((poolCase): SeriesDefinition => {
  const { id, label, how, isProblem } = poolCase;
  return {
    id,
    label,
    how,
    ...(isProblem
      ? { role: 'control', mustShow: { problem: exhausted }, mustHold: `must show that ${exhausted}` }
      : {
          role: 'promise',
          mustHold: 'no request refused, right answers, 99 of 100 callers have a connection within 50 ms',
        }),
    subject: 'reads',
    mayLose: false,
    trials: { quick: 2, full: 8 },
    unavailable: ({ database }) => Promise.resolve(database === 'postgres' ? undefined : notOnSqlite),
    open: (request) => openPoolCase(poolCase, request, { seconds: phaseSeconds }),
  };
});

const notOnSqlite =
  'SQLite has one writer, which a transaction that is held keeps from other writers alone, and worker threads that read in the process itself, at no distance: run it with DATABASE=postgres';

/** @param how long its phases are, and what else a trial is to have that is not as in the experiment */
export async function openPoolCase(
  poolCase: PoolCase,
  request: SeriesRequest,
  how: Pick<PoolTrial, 'seconds'> & Partial<Pick<PoolTrial, 'mostLateSeconds'>>,
): Promise<OpenSeries> {
  const partner = poolCase.load.changesPerSecond > 0 ? await startSlowPartner(partnerSeconds) : undefined;
  let stage: Stage | undefined;
  const close = async (): Promise<void> => {
    await stage?.close();
    await partner?.close();
  };
  try {
    stage = await openPoolStage(poolCase, partner, request);
    const trial = { ...trialOf(poolCase, stage, partner), ...how };
    return { settings: stage.settings, runTrial: (context) => runPoolTrial(trial, context), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openPoolStage(
  { variant }: PoolCase,
  partner: SlowPartner | undefined,
  request: SeriesRequest,
): Promise<Stage> {
  const entry = 'service/test/controls/pool-exhaustion-control.ts';
  const stage = await openStage({
    database: request.database,
    seatCreation: 'async',
    minIdleMs: 3_000,
    proxied: ['database'],
    content: { performances: poolSettings.performances, randomSeed: 1, relativeTo: new Date().toISOString() },
    configuration: {
      PERFORMANCE_CACHE: 'off',
      DATABASE_POOL_SIZE: String(poolSettings.poolSize),
      DATABASE_ACQUIRE_TIMEOUT_MS: String(poolSettings.acquireTimeoutMs),
    },
    ...(variant !== undefined && { entry: { api: [entry, variant, ...(partner ? [partner.url] : [])] } }),
    signal: request.signal,
    step: (text) => request.step(text),
  });
  stage.proxies.database?.setDelay(poolSettings.networkSeconds);
  return stage;
}

function trialOf(
  { load, phases }: PoolCase,
  stage: Stage,
  partner: SlowPartner | undefined,
): Omit<PoolTrial, 'seconds'> {
  const { poolSize, performances, rowsOfPage, intervalSeconds, mostLateSeconds } = poolSettings;
  return {
    stage,
    poolSize,
    intervalSeconds,
    mostLateSeconds,
    phases,
    load: {
      ...load,
      pages: pagesOf(rowsOfPage).filter(({ items }) => items === rowsOfPage),
      pagesPerSecondInFault: pagesPerSecond,
      performances,
    },
    ...(partner && {
      fault: {
        begin: () => partner.setLatency(slowPartnerSeconds),
        end: () => partner.setLatency(partnerSeconds),
      },
    }),
  };
}
