import type { GuardOutcome, VariantId } from '../evidence/schema.ts';
import type { GuardLimits } from './experiment.ts';

/** The raw samples of one slot, by metric id. */
export type SlotReadings = ReadonlyMap<string, number>;

export interface SlotFacts {
  readonly variant: VariantId;
  /** Whether this variant has a cache: without one, a single hit is a fault. */
  readonly expectsHits: boolean;
  /** Reads per second; `undefined` in the closed model, where the service sets the pace. */
  readonly offeredPerSecond: number | undefined;
  readonly predictedHitRatio: number | undefined;
  readonly readings: SlotReadings;
}

type SlotGuard = (facts: SlotFacts, limits: GuardLimits) => GuardOutcome;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const milliseconds = (seconds: number): string => `${(1000 * seconds).toFixed(1)} ms`;

function reading(facts: SlotFacts, metric: string): number {
  const value = facts.readings.get(metric);
  if (value === undefined) throw new Error(`${metric} was not measured`);
  return value;
}

const atMost = (guard: string, observed: number, limit: number, print: (value: number) => string): GuardOutcome => ({
  guard,
  held: observed <= limit,
  observed: print(observed),
  limit: `at most ${print(limit)}`,
});

const none =
  (guard: string, metric: string, what: string): SlotGuard =>
  (facts) => {
    const count = reading(facts, metric);
    return { guard, held: count === 0, observed: `${count} ${what}`, limit: 'none' };
  };

export function observedHitRatio(readings: SlotReadings): number {
  const of = (metric: string): number => readings.get(metric) ?? Number.NaN;
  const hits = of('cache_hits') + of('cache_negatives');
  return hits / (hits + of('cache_misses') + of('cache_bypasses'));
}

const slotGuards = {
  'achieved-rate': (facts, limits) => {
    const achieved = reading(facts, 'reads') / reading(facts, 'window_seconds');
    const offered = facts.offeredPerSecond ?? achieved;
    return {
      guard: 'achieved-rate',
      held: achieved >= limits.achievedRateShare * offered,
      observed: `${achieved.toFixed(1)} reads/s of ${offered.toFixed(1)} offered`,
      limit: `at least ${percent(limits.achievedRateShare)}`,
    };
  },
  'dropped-iterations': none('dropped-iterations', 'dropped_iterations', 'iterations dropped by the generator'),
  'failed-requests': none('failed-requests', 'failed_requests', 'requests failed'),
  'wrong-bodies': none('wrong-bodies', 'wrong_bodies', 'answers with a wrong body'),
  'generator-cpu': (facts, limits) =>
    atMost(
      'generator-cpu',
      reading(facts, 'generator_cpu_seconds') / reading(facts, 'window_seconds'),
      limits.generatorCpuShare,
      (share) => `${percent(share)} of a core`,
    ),
  'virtual-users': (facts, limits) =>
    atMost('virtual-users', reading(facts, 'virtual_user_share'), limits.virtualUserShare, percent),
  'schedule-lag': (facts, limits) =>
    atMost(
      'schedule-lag',
      reading(facts, 'schedule_lag_median_seconds'),
      limits.scheduleLagMedianSeconds,
      milliseconds,
    ),
  'hit-ratio': (facts, limits) => {
    if (!facts.expectsHits) return none('hit-ratio', 'cache_hits', 'hits without a cache')(facts, limits);
    const observed = observedHitRatio(facts.readings);
    const predicted = facts.predictedHitRatio ?? Number.NaN;
    return {
      guard: 'hit-ratio',
      held: Math.abs(observed - predicted) <= limits.hitRatioErrorOfSlot,
      observed: percent(observed),
      limit: `${percent(predicted)} predicted, ${(100 * limits.hitRatioErrorOfSlot).toFixed(1)} points away at most`,
    };
  },
  'database-cpu-sources': (facts, limits) => {
    const first = reading(facts, 'database_cpu_seconds');
    const second = reading(facts, 'database_cpu_seconds_second_source');
    const limit = Math.max(limits.cpuSourcesSeconds, limits.cpuSourcesShare * first);
    return atMost('database-cpu-sources', Math.abs(first - second), limit, milliseconds);
  },
  'cpu-budget': (facts, limits) => {
    const accounted = cpuBudgetParts.reduce((sum, metric) => sum + reading(facts, metric), 0);
    const machine = reading(facts, 'machine_cpu_seconds');
    return atMost('cpu-budget', Math.abs(accounted - machine) / machine, limits.cpuBudgetShare, percent);
  },
  'clock-step': (facts, limits) =>
    atMost('clock-step', Math.abs(reading(facts, 'clock_step_seconds')), limits.clockStepSeconds, milliseconds),
} satisfies Record<string, SlotGuard>;

export type SlotGuardName = keyof typeof slotGuards;

const foreignLoadGuards: Readonly<Record<string, SlotGuard>> = {
  'foreign-cpu': (facts, limits) =>
    atMost(
      'foreign-cpu',
      reading(facts, 'other_cpu_seconds') / reading(facts, 'machine_cpu_seconds'),
      limits.foreignCpuShare,
      percent,
    ),
  steal: (facts, limits) =>
    atMost(
      'steal',
      reading(facts, 'steal_cpu_seconds') / reading(facts, 'machine_cpu_seconds'),
      limits.stealShare,
      percent,
    ),
};

/** Who the machine's time went to. */
export const cpuBudgetParts = [
  'database_cpu_seconds',
  'service_cpu_seconds',
  'redis_cache_cpu_seconds',
  'redis_queue_cpu_seconds',
  'generator_cpu_seconds',
  'lab_cpu_seconds',
  'other_cpu_seconds',
  'idle_cpu_seconds',
  'steal_cpu_seconds',
] as const;

function judge(guard: string, check: SlotGuard, facts: SlotFacts, limits: GuardLimits): GuardOutcome {
  try {
    return check(facts, limits);
  } catch (error) {
    return { guard, held: false, observed: error instanceof Error ? error.message : String(error), limit: 'a number' };
  }
}

/** The named guards of a slot. One that lacks its number does not hold. */
export function judgeSlot(names: readonly SlotGuardName[], facts: SlotFacts, limits: GuardLimits): GuardOutcome[] {
  return names.map((name) => judge(name, slotGuards[name], facts, limits));
}

/** Load from outside: a slot that breaks one of these is repeated without a look at its result. */
export function judgeForeignLoad(facts: SlotFacts, limits: GuardLimits): GuardOutcome[] {
  return Object.entries(foreignLoadGuards).map(([name, check]) => judge(name, check, facts, limits));
}
