import { setTimeout as sleep } from 'node:timers/promises';

import type { ProfileName } from '../../protocol/experiment.ts';
import type { SeriesDefinition, SeriesRequest, TrialContext, TrialOutcome } from '../../protocol/trial-experiment.ts';
import type { Stage } from '../stage.ts';
import { emptyCache } from './empty-cache.ts';
import { noJobs } from './no-jobs.ts';
import { apiUrlsOf, cacheControl, openReadsSeries } from './open-reads-series.ts';
import { countReads, firstWrong, type ReadRecord, startReads } from './read-load.ts';
import { watchServices } from './service-observation.ts';
import type { VersionedPerformances } from './versioned-performances.ts';

const numberOfPerformances = 120;
/** What the service promises: TTL ± 10 %. */
const jitter = 0.1;
/** A second of the default TTL. The short count is as long as a fifth of it, and its "second" a fifth of a second. */
const slotsPerTtl = 30;
const ttlMs: Readonly<Record<ProfileName, number>> = { quick: 6_000, full: 30_000 };
const mostPeakToMean = 2;
/** What is stored late, on a busy machine, has expired by then as well; nothing has a second time. */
const readForTtls = 1.4;
/** A reader that was late has made the herd itself: what it saw does not count. */
const attempts = 3;

const shown = 'times its mean';

const row = (control?: string) =>
  ({
    how: `${numberOfPerformances} performances are stored at once, with a TTL of ${ttlMs.quick / 1_000} s (full: ${ttlMs.full / 1_000} s)${control === undefined ? '' : ' and no jitter'}; each is read in every thirtieth of it; the loads are counted by thirtieths, each a second of the default TTL`,
    subject: 'reads',
    mayLose: false,
    open: (request: SeriesRequest) =>
      openReadsSeries(
        request,
        {
          performances: numberOfPerformances,
          configuration: { PERFORMANCE_CACHE_TTL_MS: String(ttlMs[request.profile]) },
          ...(control !== undefined && { entry: cacheControl(control) }),
        },
        (stage, performances) => (context) => runTrial({ stage, performances, ttlMs: ttlMs[request.profile] }, context),
      ),
  }) as const;

const expiry: SeriesDefinition = {
  id: 'cache-expiry',
  label: 'expiry',
  mustHold: `the refill’s peak second is ${mostPeakToMean} times its mean at most`,
  role: 'promise',
  trials: { quick: 1, full: 5 },
  ...row(),
};

const expiryWithoutJitter: SeriesDefinition = {
  id: 'cache-expiry-no-jitter',
  label: 'control: expiry without jitter',
  mustHold: `must have a peak second of more than ${mostPeakToMean} times the mean, or the harness is blind`,
  role: 'control',
  mustShow: { problem: shown },
  trials: { quick: 1, full: 2 },
  ...row('no-jitter'),
};

export const expiryRows = [expiry, expiryWithoutJitter] as const;

interface ExpiryTrial {
  readonly stage: Stage;
  readonly performances: VersionedPerformances;
  readonly ttlMs: number;
}

async function runTrial(trial: ExpiryTrial, context: TrialContext): Promise<TrialOutcome> {
  const watch = await watchServices(trial.stage.apis);
  for (let attempt = 1; ; attempt += 1) {
    const { records, startedAtMs } = await readThroughExpiry(trial, context);
    const slotMs = trial.ttlMs / slotsPerTtl;
    const latestMs = latestStartMs(records, startedAtMs, slotMs);
    if (latestMs > slotMs / 2 && attempt < attempts) continue;
    const refill = refillOf(records, trial.ttlMs);
    return {
      ...noJobs,
      faults: 1,
      idleFaults: attempt - 1,
      recoverySeconds: [],
      reads: countReads(records),
      values: { refill_peak_ratio: refill.peakToMean },
      problems: [
        ...(latestMs > slotMs / 2
          ? [`a read began ${Math.round(latestMs)} ms late in each of ${attempts} attempts`]
          : []),
        ...(refill.loads < numberOfPerformances
          ? [`${refill.loads} of ${numberOfPerformances} performances were loaded again within ${readForTtls} TTLs`]
          : []),
        ...(refill.peakToMean > mostPeakToMean
          ? [`the refill's peak second is ${refill.peakToMean.toFixed(1)} ${shown}: ${mostPeakToMean} at most`]
          : []),
        ...firstWrong(records),
        ...(await watch.problems({ breakerOpens: false })),
      ],
    };
  }
}

/** Every performance is stored at the beginning, and read in turn until the last of them has been loaded again. */
async function readThroughExpiry(
  { stage, performances, ttlMs }: ExpiryTrial,
  context: TrialContext,
): Promise<{ readonly records: readonly ReadRecord[]; readonly startedAtMs: number }> {
  const { signal } = context;
  await emptyCache(stage.redisCache);
  context.step(`reading for ${(readForTtls * ttlMs) / 1_000} s`);
  const perSecond = (1_000 * numberOfPerformances * slotsPerTtl) / ttlMs;
  const startedAtMs = performance.now();
  const reads = startReads({
    performances,
    apiUrls: apiUrlsOf({ apis: stage.apis }),
    pace: { perSecond },
    pageEvery: 0,
    signal,
  });
  try {
    await sleep(readForTtls * ttlMs, undefined, { signal });
  } finally {
    await reads.end();
  }
  return { records: reads.records, startedAtMs };
}

/** How late the latest read began, by a clock on which one is due after the other, in milliseconds. */
function latestStartMs(records: readonly ReadRecord[], startedAtMs: number, slotMs: number): number {
  const starts = records.map((record) => record.startedAtMs - startedAtMs).toSorted((a, b) => a - b);
  return starts.reduce((most, start, index) => Math.max(most, start - (index * slotMs) / numberOfPerformances), 0);
}

/** Of the reads that found nothing, after those at the beginning. */
function refillOf(
  records: readonly ReadRecord[],
  ttl: number,
): { readonly loads: number; readonly peakToMean: number } {
  const slotMs = ttl / slotsPerTtl;
  const beganAtMs = Math.min(...records.map(({ startedAtMs }) => startedAtMs));
  const loads = records.filter(({ startedAtMs, isHit }) => !isHit && startedAtMs > beganAtMs + ttl / 2);
  const bySlot = new Map<number, number>();
  for (const { startedAtMs } of loads) {
    const slot = Math.floor((startedAtMs - beganAtMs) / slotMs);
    bySlot.set(slot, (bySlot.get(slot) ?? 0) + 1);
  }
  // Over the time in which an entry may expire, whether or not it does.
  const mean = numberOfPerformances / (2 * jitter * slotsPerTtl);
  return { loads: loads.length, peakToMean: Math.max(0, ...bySlot.values()) / mean };
}
