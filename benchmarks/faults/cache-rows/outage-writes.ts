import { setTimeout as sleep } from 'node:timers/promises';

import type { ProfileName } from '../../protocol/experiment.ts';
import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { lateRecoveries, longestRecoveryMs } from '../late-recoveries.ts';
import { poll } from '../poll.ts';
import type { Stage } from '../stage.ts';
import { noJobs } from './no-jobs.ts';
import { apiUrlsOf, cacheControl, openReadsSeries } from './open-reads-series.ts';
import { countReads, firstWrong, type RunningReads, startReads } from './read-load.ts';
import { watchServices } from './service-observation.ts';
import type { VersionedPerformances } from './versioned-performances.ts';
import { startWrites } from './versioned-writes.ts';

const numberOfPerformances = 40;
const readsPerSecond = 150;
const writers = 4;
const writePauseMs = 20;
const warmMs = 700;
const profiles: Readonly<Record<ProfileName, { readonly outageMs: number; readonly afterMs: number }>> = {
  quick: { outageMs: 2_000, afterMs: 1_000 },
  full: { outageMs: 30_000, afterMs: 10_000 },
};
/** In an outage reads share loads that began before them: as old as the slowest of these, a wait for its turn included. */
const longestLoadMs = 2_000;
/** The longest reconnect, 2 s, and the renewal. */
const expectedSeconds = 3;
const configuration = {
  /** Far longer than a trial: no old version goes away by itself. */
  PERFORMANCE_CACHE_TTL_MS: '600000',
  /** A busy machine is not a cache out of reach. */
  PERFORMANCE_CACHE_COMMAND_TIMEOUT_MS: '1000',
};

interface Outage {
  readonly label: string;
  /** The returned function ends it, and resolves when Redis could be used again. */
  begin(stage: Stage): Promise<() => Promise<void>>;
}

const killed: Outage = {
  label: 'killed',
  async begin({ redisCache }) {
    await redisCache.kill();
    return () => redisCache.start();
  },
};
const frozen: Outage = {
  label: 'frozen',
  begin({ redisCache }) {
    redisCache.freeze();
    return Promise.resolve(() => Promise.resolve(redisCache.thaw()));
  },
};
const cutOff: Outage = {
  label: 'cut off',
  begin({ proxies: { redisCache } }) {
    if (!redisCache) throw new Error('the cache can be cut off behind its proxy only: ask for proxied redisCache');
    redisCache.refuse();
    return Promise.resolve(() => redisCache.heal());
  },
};

const how = (outages: readonly Outage[]): string =>
  `the cache’s Redis is ${outages.map(({ label }) => label).join(', ')}${outages.length > 1 ? ', in turn,' : ''} for ${profiles.quick.outageMs / 1_000} s (full: ${profiles.full.outageMs / 1_000} s), while ${writers} clients write ${numberOfPerformances} performances through 2 processes: one half until just before it is back, the other half on; ${readsPerSecond} reads a second; TTL 10 minutes`;

const outageWrites: SeriesDefinition = {
  id: 'cache-outage-writes',
  label: 'writes while the cache is away',
  how: how([killed, frozen, cutOff]),
  mustHold: `every write answered 200; in the outage no read older than one load; none old from when both processes have renewed the generation, expected within ${expectedSeconds} s`,
  role: 'promise',
  subject: 'reads',
  mayLose: false,
  trials: { quick: 3, full: 6 },
  open: (request) => open(request, [killed, frozen, cutOff]),
};

const forgottenInvalidations: SeriesDefinition = {
  id: 'cache-outage-forgotten',
  label: 'control: invalidations forgotten',
  how: how([cutOff]),
  mustHold: 'must answer reads with an older version when the cache is back, or the harness is blind',
  role: 'control',
  mustShow: 'stale',
  subject: 'reads',
  mayLose: false,
  trials: { quick: 1, full: 3 },
  open: (request) => open(request, [cutOff], 'forgotten-invalidations'),
};

export const outageRows = [outageWrites, forgottenInvalidations] as const;

function open(request: SeriesRequest, outages: readonly Outage[], control?: string): Promise<OpenSeries> {
  return openReadsSeries(
    request,
    {
      performances: numberOfPerformances,
      apis: 2,
      proxied: ['redisCache'],
      configuration,
      ...(control !== undefined && { entry: cacheControl(control) }),
    },
    (stage, performances) => (context) => {
      const outage = outages[(context.trial - 1) % outages.length];
      if (!outage) throw new Error('there is no outage to try');
      return runTrial({ stage, performances, outage, ...profiles[request.profile] }, context);
    },
  );
}

interface OutageTrial {
  readonly stage: Stage;
  readonly performances: VersionedPerformances;
  readonly outage: Outage;
  readonly outageMs: number;
  readonly afterMs: number;
}

/** Of `performance.now()`; `undefined`: not yet. */
interface Moments {
  beganAtMs?: number;
  returnedAtMs?: number;
  renewedAtMs?: number;
}

/** How old a read may be that begins at this moment. */
function allowedAgeMs({ beganAtMs, returnedAtMs, renewedAtMs }: Moments, startedAtMs: number): number {
  if (beganAtMs === undefined || startedAtMs < beganAtMs) return 0;
  if (returnedAtMs === undefined || startedAtMs < returnedAtMs) return longestLoadMs;
  return renewedAtMs === undefined || startedAtMs < renewedAtMs ? Infinity : 0;
}

async function runTrial(trial: OutageTrial, context: TrialContext): Promise<TrialOutcome> {
  const { stage, performances, outage } = trial;
  const { random, signal } = context;
  const moments: Moments = {};
  const apiUrls = apiUrlsOf(stage);
  const watch = await watchServices(stage.apis);
  // Of each process by itself: only its own reads tell when it has the cache again.
  const reads = apiUrls.map((apiUrl) =>
    startReads({
      performances,
      apiUrls: [apiUrl],
      pace: { perSecond: readsPerSecond / apiUrls.length },
      pageEvery: 10,
      allowedAgeMs: (startedAtMs) => allowedAgeMs(moments, startedAtMs),
      signal,
    }),
  );
  const half = Math.floor(performances.ids.length / 2);
  const startWriting = (ids: readonly number[]) =>
    startWrites({ performances, ids, apiUrls, writers: writers / 2, pauseMs: writePauseMs, random, signal });
  const writes = [startWriting(performances.ids.slice(0, half)), startWriting(performances.ids.slice(half))];
  try {
    context.step('reading and writing');
    await sleep(warmMs, undefined, { signal });
    context.step(`the cache is ${outage.label}`);
    moments.beganAtMs = performance.now();
    const end = await outage.begin(stage);
    try {
      await sleep(trial.outageMs, undefined, { signal });
      await writes[0]?.end();
    } finally {
      moments.returnedAtMs = performance.now();
      await end();
    }
    context.step('waiting until both processes have the cache again');
    const renewedAtMs = await untilAllHit(reads, performance.now(), signal);
    if (renewedAtMs !== undefined) moments.renewedAtMs = renewedAtMs;
    await sleep(trial.afterMs, undefined, { signal });
  } finally {
    await Promise.all([...writes, ...reads].map((running) => running.end()));
  }
  const { returnedAtMs = 0, renewedAtMs } = moments;
  const recoverySeconds = renewedAtMs === undefined ? [] : [(renewedAtMs - returnedAtMs) / 1_000];
  const records = reads.flatMap((running) => running.records);
  const failed = writes.reduce((sum, running) => sum + running.failed, 0);
  return {
    ...noJobs,
    faults: 1,
    recoverySeconds,
    reads: countReads(records),
    values: {},
    problems: [
      ...firstWrong(records),
      ...(failed > 0 ? [`${failed} writes were not answered with 200 while the cache was ${outage.label}`] : []),
      ...(await watch.problems({ breakerOpens: outage === frozen })),
      ...lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds }),
    ],
  };
}

/**
 * When each process has answered a read from the cache that began after this moment: it has renewed the generation
 * before. `undefined` when one of them never does.
 */
async function untilAllHit(
  reads: readonly RunningReads[],
  afterMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const hasHit = ({ records }: RunningReads): boolean =>
    records.some(({ startedAtMs, isHit }) => isHit && startedAtMs >= afterMs);
  return poll(() => (reads.every(hasHit) ? performance.now() : undefined), {
    everyMs: 20,
    withinMs: longestRecoveryMs(expectedSeconds),
    signal,
  });
}
