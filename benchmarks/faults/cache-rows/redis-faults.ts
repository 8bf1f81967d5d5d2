import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';

import { addedP99 } from '../../evidence/trials-schema.ts';
import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { lateRecoveries, longestRecoveryMs } from '../late-recoveries.ts';
import { openStage } from '../open-stage.ts';
import type { Stage, StageRequest } from '../stage.ts';
import { countReads, firstWrong, p99Seconds, type ReadRecord, type RunningReads, startReads } from './read-load.ts';
import { watchServices } from './service-observation.ts';
import { createVersionedPerformances, type VersionedPerformances } from './versioned-performances.ts';

const numberOfPerformances = 60;
/** Well within what the database serves by itself. */
const perSecond = 150;
const pageEvery = 10;
const beforeMs = 1_500;
const faultMs = { quick: 3_000, full: 30_000 };
const expectedSeconds = 3;
const mostGrowthBytes = 128 * 1024 * 1024;

interface Fault {
  readonly id: string;
  readonly label: string;
  readonly how: string;
  readonly stage?: Pick<StageRequest, 'proxied' | 'redisCache'>;
  /** Whether the breaker has to open: the server does not answer, and its connection lasts. */
  readonly breakerOpens: boolean;
  /** The returned function ends it, and resolves when Redis could be used again. */
  begin(stage: Stage): Promise<() => Promise<void>>;
}

async function withAdmin<Result>(stage: Stage, work: (admin: Redis) => Promise<Result>): Promise<Result> {
  const admin = new Redis(stage.redisCache.url);
  try {
    return await work(admin);
  } finally {
    admin.disconnect();
  }
}

/** Calls it over and over until the returned function is called. */
function repeatedly(everyMs: number, act: () => Promise<void> | void): () => Promise<void> {
  const over = new AbortController();
  const acting = (async () => {
    while (!over.signal.aborted) {
      await act();
      await sleep(everyMs);
    }
  })();
  acting.catch(() => undefined);
  return async () => {
    over.abort();
    await acting;
  };
}

function proxyOf({ proxies }: Stage): NonNullable<Stage['proxies']['redisCache']> {
  if (!proxies.redisCache) throw new Error('this fault needs proxied: redisCache');
  return proxies.redisCache;
}

/** Enough that loading them, with the delay a key, takes about as long as the short fault. */
const keysToLoad = 2_000;

const faults: readonly Fault[] = [
  {
    id: 'killed',
    label: 'cache killed',
    how: 'SIGKILL, started again at the end',
    breakerOpens: false,
    async begin({ redisCache }) {
      await redisCache.kill();
      return () => redisCache.start();
    },
  },
  {
    id: 'frozen',
    label: 'cache frozen',
    how: 'SIGSTOP, SIGCONT at the end',
    breakerOpens: true,
    begin({ redisCache }) {
      redisCache.freeze();
      return Promise.resolve(() => Promise.resolve(redisCache.thaw()));
    },
  },
  {
    id: 'slow',
    label: 'cache slow',
    how: 'every answer takes 300 ms longer',
    stage: { proxied: ['redisCache'] },
    breakerOpens: true,
    begin(stage) {
      const proxy = proxyOf(stage);
      proxy.setDelay(0.15);
      return Promise.resolve(() => proxy.heal());
    },
  },
  {
    id: 'half-open',
    label: 'cache half-open',
    how: 'connections that are open carry nothing more and stay open; new ones work',
    stage: { proxied: ['redisCache'] },
    breakerOpens: true,
    begin(stage) {
      const proxy = proxyOf(stage);
      proxy.halfOpen();
      return Promise.resolve(() => proxy.heal());
    },
  },
  {
    id: 'resetting',
    label: 'cache resetting',
    how: 'every connection is reset every 50 ms',
    stage: { proxied: ['redisCache'] },
    breakerOpens: false,
    begin(stage) {
      const proxy = proxyOf(stage);
      return Promise.resolve(repeatedly(50, () => proxy.reset()));
    },
  },
  {
    id: 'full',
    label: 'cache full',
    how: 'emptied, then maxmemory 1 with noeviction: every write is answered OOM',
    breakerOpens: false,
    async begin(stage) {
      await withAdmin(stage, async (admin) => {
        await admin.flushall();
        await admin.config('SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction');
      });
      return () =>
        withAdmin(stage, async (admin) => {
          await admin.config('SET', 'maxmemory', '64mb', 'maxmemory-policy', 'allkeys-lfu');
        });
    },
  },
  {
    id: 'loading',
    label: 'cache loading',
    how: `SIGKILL, then started at once with a snapshot of what it held and ${keysToLoad} more keys, which it loads slowly`,
    stage: { redisCache: { settings: { 'key-load-delay': '1500', 'loading-process-events-interval-bytes': '1024' } } },
    breakerOpens: false,
    async begin(stage) {
      const fill = `for i = 1, ${keysToLoad} do redis.call('SET', 'filler:' .. i, string.rep('x', 100)) end`;
      await withAdmin(stage, async (admin) => {
        await admin.eval(fill, 0);
        await admin.save();
      });
      await stage.redisCache.kill();
      const started = stage.redisCache.start();
      started.catch(() => undefined);
      return () => started;
    },
  },
  {
    id: 'wrong-type',
    label: 'cache of wrong types',
    how: 'every key of the cache is replaced by a list, every 50 ms',
    breakerOpens: false,
    begin(stage) {
      const admin = new Redis(stage.redisCache.url);
      const stop = repeatedly(50, async () => {
        const keys = await admin.keys('performance-cache:*');
        const replaced = admin.multi();
        for (const key of keys) replaced.del(key).rpush(key, 'not what it was');
        await replaced.exec();
      });
      return Promise.resolve(async () => {
        await stop();
        admin.disconnect();
      });
    },
  },
];

export const redisFaults: readonly SeriesDefinition[] = faults.map((fault) => ({
  id: `cache-${fault.id}`,
  label: fault.label,
  how: `${fault.how}, for ${faultMs.quick / 1_000} s (full: ${faultMs.full / 1_000} s); ${perSecond} reads a second by the clock of ${numberOfPerformances} performances and their main page`,
  mustHold: `100 % answered 200 with the right body; no unhandled rejection, memory within ${mostGrowthBytes / 1024 ** 2} MiB; hits again, expected within ${expectedSeconds} s`,
  role: 'promise',
  subject: 'reads',
  mayLose: false,
  trials: { quick: 1, full: 5 },
  open: (request) => openFault(fault, request),
}));

async function openFault(fault: Fault, request: SeriesRequest): Promise<OpenSeries> {
  const stage = await openStage({
    database: request.database,
    seatCreation: 'async',
    minIdleMs: 3_000,
    ...fault.stage,
    signal: request.signal,
    step: (text) => request.step(text),
  });
  try {
    request.step('making performances');
    const performances = await createVersionedPerformances(stage, numberOfPerformances);
    return {
      runTrial: (context) => runTrial({ stage, performances, fault, faultMs: faultMs[request.profile] }, context),
      async close() {
        performances.close();
        await stage.close();
      },
    };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

interface FaultTrial {
  readonly stage: Stage;
  readonly performances: VersionedPerformances;
  readonly fault: Fault;
  readonly faultMs: number;
}

async function runTrial(trial: FaultTrial, context: TrialContext): Promise<TrialOutcome> {
  const { signal } = context;
  const { stage, performances, fault } = trial;
  const apiUrls = stage.apis.flatMap(({ apiUrl }) => apiUrl ?? []);
  const reads = startReads({ performances, apiUrls, pace: { perSecond }, pageEvery, signal });
  try {
    context.step('reading');
    await sleep(beforeMs, undefined, { signal });
    const watch = await watchServices(stage.apis);
    context.step(fault.label);
    const beganAtMs = performance.now();
    const end = await fault.begin(stage);
    try {
      await sleep(beganAtMs + trial.faultMs - performance.now(), undefined, { signal });
    } finally {
      await end();
    }
    const endedAtMs = performance.now();
    context.step('waiting for hits');
    const recoveredAtMs = await untilHit(reads, endedAtMs, signal);
    await sleep(500, undefined, { signal });
    await reads.end();
    const recoverySeconds = recoveredAtMs === undefined ? [] : [(recoveredAtMs - endedAtMs) / 1_000];
    const growthBytes = await watch.growthBytes();
    return {
      ...noJobs,
      faults: 1,
      recoverySeconds,
      reads: countReads(reads.records),
      values: { ...addedLatency(reads.records, beganAtMs, endedAtMs), resident_growth_bytes: growthBytes },
      problems: [
        ...refusals(reads.records),
        ...firstWrong(reads.records),
        ...(await watch.problems(fault)),
        ...(growthBytes > mostGrowthBytes ? [`${Math.round(growthBytes / 1024 ** 2)} MiB more memory`] : []),
        ...lateRecoveries(recoverySeconds, { faults: 1, expectedSeconds }),
      ],
    };
  } finally {
    await reads.end();
  }
}

/** A trial without a job. */
const noJobs = {
  idleFaults: 0,
  inFlight: 0,
  offered: 0,
  accepted: 0,
  stored: 0,
  deadLettered: 0,
  lost: 0,
  duplicates: 0,
} as const;

/** Where the load is within the capacity nobody may be turned away. */
function refusals(records: readonly ReadRecord[]): string[] {
  const refused = records.filter(({ outcome }) => outcome === 'refused').length;
  return refused === 0 ? [] : [`${refused} reads were refused, within the capacity of the database`];
}

/** When the first hit was asked for of those after this moment; `undefined` when there was none for too long. */
async function untilHit({ records }: RunningReads, afterMs: number, signal: AbortSignal): Promise<number | undefined> {
  const deadlineMs = performance.now() + longestRecoveryMs(expectedSeconds);
  for (;;) {
    const hit = records.find(({ startedAtMs, isHit }) => isHit && startedAtMs >= afterMs);
    if (hit) return hit.startedAtMs;
    if (performance.now() > deadlineMs) return undefined;
    await sleep(20, undefined, { signal });
  }
}

function addedLatency(records: readonly ReadRecord[], beganAtMs: number, endedAtMs: number): Record<string, number> {
  // The first half second fills the cache.
  const usual = p99Seconds(records, beganAtMs - beforeMs + 500, beganAtMs);
  const firstSecond = p99Seconds(records, beganAtMs, beganAtMs + 1_000);
  const afterwards = p99Seconds(records, beganAtMs + 1_000, endedAtMs);
  if (usual === undefined || firstSecond === undefined || afterwards === undefined) return {};
  return { [addedP99.firstSecond]: firstSecond - usual, [addedP99.afterwards]: afterwards - usual };
}
