import { setTimeout as sleep } from 'node:timers/promises';

import { percentile, poolBuckets } from '../analysis/metric-value.ts';
import type { RunningVariant } from '../environments/environment.ts';
import { discardedId } from '../evidence/discarded-attempts.ts';
import type { GuardOutcome, LatencyHistogram, Sample, Slot } from '../evidence/schema.ts';
import type { FinishedLoad, LoadRequest, LoadWindow, RunningLoad } from '../load/load.ts';
import type { Annotate } from './annotation.ts';
import type { OpenWindowMeter, WindowMeter, WindowSample } from './window-meter.ts';

/** What a slot needs from the world. */
export interface SlotPorts {
  readonly openWindowMeter: OpenWindowMeter;
  readonly startLoad: (request: LoadRequest) => RunningLoad;
  /** Empties the variant's cache, so that what is inside the window does not depend on the slot before. */
  readonly emptyCache: (variant: RunningVariant) => Promise<void>;
  /** Tells dashboards what is measured; between slots, never within one. */
  readonly annotate?: Annotate | undefined;
  readonly signal: AbortSignal;
}

export interface SlotPlan {
  readonly id: string;
  readonly role: Slot['role'];
  readonly block?: number;
  readonly position?: number;
  readonly script: string;
  readonly offered: number;
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly together?: Together;
}

/** Slots whose windows are to be one and the same. */
export interface Together {
  /** Called when a slot's load has begun; resolves when that of the last has, and the warm-up of all begins. */
  readonly allHaveBegun: () => Promise<void>;
  /** How long the first load waits for the last one: all go on as much longer. */
  readonly withinSeconds: number;
}

/** @param slots how many; a slot that breaks before it has begun holds up the others until their loads end */
export function createTogether(slots: number, withinSeconds: number): Together {
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = 0;
  return {
    withinSeconds,
    allHaveBegun() {
      begun += 1;
      if (begun === slots) resolve();
      return promise;
    },
  };
}

export interface SlotResult {
  readonly slot: Omit<Slot, 'guards' | 'attempt'>;
  readonly samples: readonly Sample[];
  readonly latencies: readonly LatencyHistogram[];
}

/** The load goes on a little longer than the window, so that its last reading is taken under load. */
const tailSeconds = 0.3;

/** Of the load in all. */
export function loadSeconds({
  warmUpSeconds,
  windowSeconds,
  together,
}: Pick<SlotPlan, 'warmUpSeconds' | 'windowSeconds'> & {
  readonly together?: Pick<Together, 'withinSeconds'> | undefined;
}): number {
  return (together?.withinSeconds ?? 0) + warmUpSeconds + windowSeconds + tailSeconds;
}

function loadSamples(load: LoadWindow): WindowSample[] {
  const sample = (metric: string, value: number, unit: string): WindowSample => ({ metric, value, unit, source: 'k6' });
  return [
    sample('requests', load.requests, 'requests'),
    sample('reads', load.reads, 'requests'),
    sample('failed_requests', load.failedRequests, 'requests'),
    sample('failed_reads', load.failedReads, 'requests'),
    sample('wrong_bodies', load.wrongBodies, 'answers'),
    sample('dropped_iterations', load.droppedIterations, 'iterations'),
    sample('response_bytes', load.responseBytes, 'bytes'),
    sample('virtual_user_share', load.virtualUserShare, 'fraction'),
    sample('schedule_lag_median_seconds', load.scheduleLagSeconds.median, 'seconds'),
    sample('schedule_lag_largest_seconds', load.scheduleLagSeconds.largest, 'seconds'),
  ];
}

/** How far our p50 and p95 of the whole load lie from k6's own summary of it, whichever is further, as a share. */
async function percentileDisagreement(finished: FinishedLoad): Promise<WindowSample> {
  const { latencies } = await finished.window(new Date(0), new Date(8.64e15));
  const buckets = poolBuckets([], { samples: new Map(), latencies: latencies.map((of) => ({ slot: 'whole', ...of })) });
  const { p50Seconds, p95Seconds } = finished.summary;
  const apart = ([quantile, theirs]: readonly [number, number]): number => {
    const ours = percentile(quantile, buckets);
    if ('missing' in ours) throw new Error(`the raw samples of the load: ${ours.missing}`);
    return Math.abs(ours.value / theirs - 1);
  };
  const share = Math.max(apart([0.5, p50Seconds]), apart([0.95, p95Seconds]));
  return {
    metric: 'percentile_disagreement',
    value: share,
    unit: 'fraction',
    source: 'k6, its summary against its raw file',
  };
}

/** Warm up, then measure: one load run against one variant, its counters read at the window's edges only. */
export async function runSlot(ports: SlotPorts, variant: RunningVariant, plan: SlotPlan): Promise<SlotResult> {
  await ports.emptyCache(variant);
  const load = ports.startLoad({
    script: plan.script,
    apiUrl: variant.apiUrl,
    apiToken: variant.apiToken,
    variables: {
      ...plan.variables,
      RATE: String(plan.offered),
      DURATION_SECONDS: String(loadSeconds(plan)),
    },
  });
  // Awaited below; until then a rejection must not count as unhandled.
  load.finished.catch(() => undefined);
  let meter: WindowMeter | undefined;
  try {
    meter = await ports.openWindowMeter(variant, load.processId);
    const hasEnded = load.finished.then(endedTooEarly);
    const startedAt = await Promise.race([load.started, hasEnded]);
    await Promise.race([plan.together?.allHaveBegun(), hasEnded]);
    await sleep(plan.warmUpSeconds * 1000, undefined, { signal: ports.signal });
    const from = new Date();
    await meter.start();
    await sleep(plan.windowSeconds * 1000 - (Date.now() - from.getTime()), undefined, { signal: ports.signal });
    const to = new Date();
    const counted = await meter.stop();
    const finished = await load.finished;
    const window = await finished.window(from, to);
    const samples = [...counted, ...loadSamples(window), await percentileDisagreement(finished)];
    const measuredSeconds = samples.find((sample) => sample.metric === 'window_seconds')?.value;
    if (measuredSeconds === undefined) throw new Error(`slot ${plan.id}: the meter gave no window_seconds`);
    return {
      slot: {
        id: plan.id,
        role: plan.role,
        ...(plan.block === undefined ? {} : { block: plan.block }),
        ...(plan.position === undefined ? {} : { position: plan.position }),
        variant: variant.id,
        startedAt: startedAt.toISOString(),
        warmUpSeconds: plan.warmUpSeconds,
        windowSeconds: measuredSeconds,
        offered: plan.offered,
        rawSha256: finished.rawSha256,
      },
      samples: samples.map((sample) => ({ slot: plan.id, ...sample })),
      latencies: window.latencies.map((histogram) => ({ slot: plan.id, ...histogram })),
    };
  } finally {
    await load.stop();
    await meter?.close();
  }
}

function endedTooEarly(): never {
  throw new Error('the load generator ended before its warm-up began');
}

interface JudgedAttempt extends SlotResult {
  readonly slot: Slot;
}

export interface JudgedSlot extends JudgedAttempt {
  /** The attempts before it, each by an id of its own: `block-01-2-attempt-1`. */
  readonly discarded: readonly JudgedAttempt[];
}

export const attempts = 3;

/**
 * Runs a slot, again if the machine was busy with something else: at most three times, and without a look at
 * the result. The last attempt stands as it is, with its outcome; what was measured before it is handed over beside it.
 */
export async function runJudgedSlot(
  run: () => Promise<SlotResult>,
  judge: (result: SlotResult) => { readonly disturbed: boolean; readonly guards: readonly GuardOutcome[] },
): Promise<JudgedSlot> {
  const discarded: JudgedAttempt[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const result = await run();
    const { disturbed, guards } = judge(result);
    const judged = { ...result, slot: { ...result.slot, attempt, guards: [...guards] } };
    if (!disturbed || attempt === attempts) return { ...judged, discarded };
    discarded.push(underOwnId(judged));
  }
}

function underOwnId({ slot, samples, latencies }: JudgedAttempt): JudgedAttempt {
  const id = discardedId(slot.id, slot.attempt);
  return {
    slot: { ...slot, id },
    samples: samples.map((sample) => ({ ...sample, slot: id })),
    latencies: latencies.map((histogram) => ({ ...histogram, slot: id })),
  };
}
