import { setTimeout as sleep } from 'node:timers/promises';

import type { Stage } from '../stage.ts';
import type { TimelineRecorder } from '../timeline-recorder.ts';

export type OutageFault = 'killed' | 'frozen' | 'slow';

interface FaultSteps {
  /** As the timeline's marks say. */
  readonly begins: string;
  readonly ends: string;
  readonly begin: (stage: Stage) => Promise<void> | void;
  /** Resolves when Redis could be used again. */
  readonly end: (stage: Stage) => Promise<void> | void;
}

/** In each direction, so that an answer takes 300 ms longer. */
const delaySeconds = 0.15;

const stepsOf: Readonly<Record<OutageFault, FaultSteps>> = {
  killed: {
    begins: 'Redis killed',
    ends: 'back, empty',
    begin: ({ redisCache }) => redisCache.kill(),
    end: ({ redisCache }) => redisCache.start(),
  },
  frozen: {
    begins: 'Redis frozen',
    ends: 'back from the freeze',
    begin: ({ redisCache }) => redisCache.freeze(),
    end: ({ redisCache }) => redisCache.thaw(),
  },
  slow: {
    begins: 'Redis 300 ms slow',
    ends: 'fast again',
    begin: (stage) => proxyOf(stage).setDelay(delaySeconds),
    end: (stage) => proxyOf(stage).heal(),
  },
};

function proxyOf({ proxies }: Stage): NonNullable<Stage['proxies']['redisCache']> {
  if (!proxies.redisCache) throw new Error('a slow Redis needs a stage with proxied: redisCache');
  return proxies.redisCache;
}

/** A stretch of a trial, by `performance.now()`. */
export interface OutagePhase {
  /** Of the two phases of a fault: which; none of the time before the first. */
  readonly fault: OutageFault | undefined;
  readonly isFault: boolean;
  readonly label: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface PhaseSeconds {
  readonly before: number;
  readonly fault: number;
  readonly back: number;
}

/**
 * Hurts the cache's Redis in each of these ways, with time to recover after each, and marks it in the timeline. What
 * it broke it has mended, also when it rejects.
 */
export async function runOutagePhases(
  stage: Stage,
  { faults, seconds, recorder }: { faults: readonly OutageFault[]; seconds: PhaseSeconds; recorder: TimelineRecorder },
  { step, signal }: { readonly step: (text: string) => void; readonly signal: AbortSignal },
): Promise<readonly OutagePhase[]> {
  const phases: OutagePhase[] = [];
  let dueMs = recorder.startedAtMs;
  let beganMs = dueMs;
  const endPhase = async (phase: Omit<OutagePhase, 'fromMs' | 'toMs'>, afterSeconds: number): Promise<void> => {
    step(phase.label);
    dueMs += 1_000 * afterSeconds;
    await sleep(Math.max(0, dueMs - performance.now()), undefined, { signal });
    const endedMs = performance.now();
    phases.push({ ...phase, fromMs: beganMs, toMs: endedMs });
    beganMs = endedMs;
  };
  await endPhase({ fault: undefined, isFault: false, label: beforeLabel }, seconds.before);
  for (const fault of faults) {
    const { begins, ends, begin, end } = stepsOf[fault];
    recorder.mark(begins, true);
    try {
      await begin(stage);
      await endPhase({ fault, isFault: true, label: begins }, seconds.fault);
    } finally {
      await end(stage);
    }
    beganMs = performance.now();
    recorder.mark(ends, false);
    await endPhase({ fault, isFault: false, label: ends }, seconds.back);
  }
  return phases;
}

export const beforeLabel = 'cache in order';
