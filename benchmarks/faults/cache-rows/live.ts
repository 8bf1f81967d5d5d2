import { setTimeout as sleep } from 'node:timers/promises';

import type { ProfileName } from '../../protocol/experiment.ts';
import type { RoleOfSeries, SeriesDefinition, TrialContext, TrialOutcome } from '../../protocol/trial-experiment.ts';
import type { Stage } from '../stage.ts';
import { startEvictions } from './evictions.ts';
import { noJobs } from './no-jobs.ts';
import { apiUrlsOf, cacheControl, openReadsSeries } from './open-reads-series.ts';
import { countReads, firstWrong, type ReadRecord, type RunningReads, startReads } from './read-load.ts';
import { readMetric, watchServices } from './service-observation.ts';
import type { VersionedPerformances } from './versioned-performances.ts';
import { type RunningWrites, startWrites } from './versioned-writes.ts';

const readers = 64;
const writers = 8;
/** Two of each writer: few, so that reads and writes of the same one meet all the time. */
const numberOfPerformances = 16;
/** A busy machine is not a cache out of reach: whoever does not reach it is promised something else. */
const commandTimeoutMs = 5_000;

interface LiveRow extends Pick<SeriesDefinition, 'id' | 'label' | 'mustHold'> {
  readonly role: RoleOfSeries;
  /** That runs instead of the service. */
  readonly control?: string;
  readonly evicts: boolean;
  /** Of a control at most: it ends with the first read of an older version. */
  readonly seconds: Readonly<Record<ProfileName, number>>;
}

const rows: readonly LiveRow[] = [
  {
    id: 'cache-live',
    label: 'reads beside writes',
    mustHold: '0 reads older than what was answered to a writer before they began; the cache is reached every time',
    role: { role: 'promise' },
    evicts: false,
    seconds: { quick: 4, full: 600 },
  },
  {
    id: 'cache-live-plain',
    label: 'control: get, or load and set',
    mustHold: 'must answer reads with an older version, or the harness is blind',
    role: { role: 'control', mustShow: 'stale' },
    control: 'plain-get-or-load',
    evicts: false,
    seconds: { quick: 20, full: 20 },
  },
  {
    id: 'cache-evictions',
    label: 'reads beside writes, evictions',
    mustHold: '0 reads older than what was answered to a writer before they began; the cache is reached every time',
    role: { role: 'promise' },
    evicts: true,
    seconds: { quick: 3, full: 120 },
  },
  {
    id: 'cache-evictions-counters',
    label: 'control: counters, evictions',
    mustHold: 'must bring older versions back, or the harness is blind',
    role: { role: 'control', mustShow: 'stale' },
    control: 'counter-versions',
    evicts: true,
    seconds: { quick: 20, full: 20 },
  },
];

const duration = ({ control, seconds: { quick, full } }: LiveRow): string =>
  control === undefined
    ? `for ${quick} s (full: ${full} s)`
    : `until one of them gets an older version, ${quick} s at most`;

/** Each write beside reads is one try. */
export const liveRows: readonly SeriesDefinition[] = rows.map((row) => ({
  id: row.id,
  label: row.label,
  how: `${readers} readers and ${writers} writers of ${numberOfPerformances} performances at 2 processes, each of whom goes on as soon as he has his answer, ${duration(row)}${row.evicts ? '; the cache is full and evicts keys at random, every 10 ms' : ''}; a try is a write`,
  mustHold: row.mustHold,
  ...row.role,
  subject: 'reads',
  mayLose: false,
  trials: { quick: 1, full: 1 },
  open: (request) =>
    openReadsSeries(
      request,
      {
        performances: numberOfPerformances,
        apis: 2,
        configuration: { PERFORMANCE_CACHE_COMMAND_TIMEOUT_MS: String(commandTimeoutMs) },
        ...(row.control !== undefined && { entry: cacheControl(row.control) }),
      },
      (stage, performances) => (context) =>
        runTrial({ stage, performances, row, seconds: row.seconds[request.profile] }, context),
    ),
}));

interface LiveTrial {
  readonly stage: Stage;
  readonly performances: VersionedPerformances;
  readonly row: LiveRow;
  readonly seconds: number;
}

async function runTrial(
  { stage, performances, row, seconds }: LiveTrial,
  context: TrialContext,
): Promise<TrialOutcome> {
  const { random, signal } = context;
  const apiUrls = apiUrlsOf(stage);
  const watch = await watchServices(stage.apis);
  const unreachedBefore = await countUnreached(stage);
  const load = { performances, apiUrls, signal };
  const evictions = row.evicts ? await startEvictions(stage.redisCache) : undefined;
  // Details alone: a control that never voids a page would be found out too easily.
  const reads = startReads({ ...load, pace: { inFlight: readers }, pageEvery: row.control === undefined ? 10 : 0 });
  const writes = startWrites({ ...load, ids: performances.ids, writers, random });
  try {
    context.step(`reading and writing for ${seconds} s`);
    await untilOver(reads, { seconds, endsWithStale: row.control !== undefined }, signal);
  } finally {
    await Promise.all([reads.end(), writes.end(), evictions?.end()]);
  }
  return {
    ...noJobs,
    faults: writes.answered,
    recoverySeconds: [],
    reads: countReads(reads.records),
    values: { hit_ratio: hitRatio(reads.records) },
    problems: [
      ...firstWrong(reads.records),
      ...refused(writes),
      ...(await watch.problems({ breakerOpens: false })),
      ...notReached((await countUnreached(stage)) - unreachedBefore),
      ...notEvicted(await evictions?.end()),
    ],
  };
}

async function untilOver(
  { records }: RunningReads,
  { seconds, endsWithStale }: { readonly seconds: number; readonly endsWithStale: boolean },
  signal: AbortSignal,
): Promise<void> {
  const endMs = performance.now() + 1_000 * seconds;
  for (let judged = 0; performance.now() < endMs;) {
    await sleep(Math.min(100, Math.max(0, endMs - performance.now())), undefined, { signal });
    const isOver = endsWithStale && records.slice(judged).some(({ outcome }) => outcome === 'stale');
    if (isOver) return;
    judged = records.length;
  }
}

/** Reads and invalidations that did not reach the cache. */
async function countUnreached({ apis }: Stage): Promise<number> {
  const bypassed = await readMetric(apis, 'performance_cache_requests_total', { result: 'bypass' });
  return bypassed + (await readMetric(apis, 'performance_cache_invalidation_failures_total'));
}

const hitRatio = (records: readonly ReadRecord[]): number =>
  records.filter(({ isHit }) => isHit).length / Math.max(1, records.length);

const refused = ({ failed }: RunningWrites): string[] =>
  failed === 0 ? [] : [`${failed} writes were not answered with 200`];

const notReached = (count: number): string[] =>
  count === 0 ? [] : [`the cache was not reached ${count} times: what is promised is for those who reach it`];

const notEvicted = (evicted: number | undefined): string[] => (evicted === 0 ? ['nothing was evicted'] : []);
