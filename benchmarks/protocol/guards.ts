import { cpuBudgetParts } from '../analysis/cpu-budget.ts';
import type { GuardOutcome } from '../evidence/schema.ts';

/** Limits of the guards. measuring.md says what each is for; the commit says which recorded slots set it. */
export interface GuardLimits {
  /** Achieved reads per second as a share of the offered ones, at least. */
  readonly achievedRateShare: number;
  /** Of one core, at most. */
  readonly generatorCpuShare: number;
  readonly virtualUserShare: number;
  readonly scheduleLagMedianSeconds: number;
  /** CPU of processes that are not part of the lab, as a share of the machine, at most. */
  readonly foreignCpuShare: number;
  readonly stealShare: number;
  /** Observed less predicted hit ratio, as a fraction: of one slot, and of all measured slots together. */
  readonly hitRatioErrorOfSlot?: number;
  readonly hitRatioErrorOfRun?: number;
  /** Requests by the service's own counters against those by the generator's, as a share. */
  readonly requestCountsShare?: number;
  /** Seats created as a share of those offered, at least; see the guard for what a window's edge may cut off. */
  readonly seatsCreatedShare?: number;
  /** The two sources of database CPU may differ by this share, or by these seconds, whichever is larger. */
  readonly cpuSourcesShare: number;
  readonly cpuSourcesSeconds: number;
  /** Parts, other processes, idle and steal together against cores × seconds, as a share of it. */
  readonly cpuBudgetShare: number;
  /** Our percentiles of the whole load against k6's own, as a share. */
  readonly percentileDisagreement: number;
  readonly clockStepSeconds: number;
}

/** Seats that the load asks for beside the reads, in equal jobs at equal distances. */
export interface OfferedSeats {
  readonly jobsPerSecond: number;
  readonly seatsPerJob: number;
}

/** The raw samples of one slot, by metric id. */
export type SlotReadings = ReadonlyMap<string, number>;

export interface SlotFacts {
  /** Reads per second; `undefined` in the closed model, where the service sets the pace. */
  readonly offeredPerSecond: number | undefined;
  /** A fraction; `undefined` where there is no cache, and a single hit is a fault. */
  readonly predictedHitRatio: number | undefined;
  /** `undefined` where the load asks for none. */
  readonly offeredSeats?: OfferedSeats | undefined;
  readonly readings: SlotReadings;
}

/** One number of a slot, and what it is held against. */
interface SlotGuard {
  /** Throws when a sample that it needs is missing: a guard that lacks its number does not hold. */
  readonly quantity: (facts: SlotFacts) => number;
  readonly limit: (limits: GuardLimits, facts: SlotFacts) => number;
  /** `at most` unless said otherwise. */
  readonly relation?: 'at least';
  readonly print: (value: number) => string;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const percentOfCore = (share: number): string => `${percent(share)} of a core`;
const points = (share: number): string => `${(100 * share).toFixed(1)} points`;
const milliseconds = (seconds: number): string => `${(1000 * seconds).toFixed(1)} ms`;

function reading({ readings }: Pick<SlotFacts, 'readings'>, metric: string): number {
  const value = readings.get(metric);
  if (value === undefined) throw new Error(`${metric} was not measured`);
  return value;
}

const shareOf =
  (numerator: string, denominator: string) =>
  (facts: SlotFacts): number =>
    reading(facts, numerator) / reading(facts, denominator);

const noneOf = (metric: string, what: string): SlotGuard => ({
  quantity: (facts) => reading(facts, metric),
  limit: () => 0,
  print: (count) => `${count} ${what}`,
});

/** @throws when a guard is declared and its limit is not */
export function declared(limits: GuardLimits, limit: keyof GuardLimits): number {
  const value = limits[limit];
  if (value === undefined) throw new Error(`the experiment declares a guard, but not guardLimits.${limit}`);
  return value;
}

function seatsOf({ offeredSeats }: SlotFacts): OfferedSeats {
  if (offeredSeats === undefined) throw new Error('the load asks for no seats');
  return offeredSeats;
}

const cacheHits = ['cache_hits', 'cache_negatives'];
const cacheLookups = [...cacheHits, 'cache_misses', 'cache_bypasses'];

const sumOf = (facts: Pick<SlotFacts, 'readings'>, metrics: readonly string[]): number =>
  metrics.reduce((sum, metric) => sum + reading(facts, metric), 0);

/** Reads answered by the cache, as a share of all reads; throws when a counter is missing. */
export function observedHitRatio(readings: SlotReadings): number {
  return sumOf({ readings }, cacheHits) / sumOf({ readings }, cacheLookups);
}

const guards = {
  'achieved-rate': {
    quantity: (facts) => {
      const achieved = shareOf('reads', 'window_seconds')(facts);
      return facts.offeredPerSecond === undefined ? 1 : achieved / facts.offeredPerSecond;
    },
    limit: (limits) => limits.achievedRateShare,
    relation: 'at least',
    print: (share) => `${percent(share)} of the offered rate`,
  },
  'dropped-iterations': noneOf('dropped_iterations', 'iterations dropped by the generator'),
  'failed-requests': noneOf('failed_requests', 'requests failed'),
  'wrong-bodies': noneOf('wrong_bodies', 'answers with a wrong body'),
  /** Two sources for what the figures per request and the hit ratio are divided by: requests, and reads among them. */
  'request-counts': {
    quantity: (facts) => {
      const requests = shareOf('http_requests', 'requests')(facts);
      const reads = sumOf(facts, cacheLookups) / reading(facts, 'reads');
      return Math.max(Math.abs(requests - 1), Math.abs(reads - 1));
    },
    limit: (limits) => declared(limits, 'requestCountsShare'),
    print: (share) => `${percent(share)} between the service’s counters and the generator’s`,
  },
  'generator-cpu': {
    quantity: shareOf('generator_cpu_seconds', 'window_seconds'),
    limit: (limits) => limits.generatorCpuShare,
    print: percentOfCore,
  },
  'virtual-users': {
    quantity: (facts) => reading(facts, 'virtual_user_share'),
    limit: (limits) => limits.virtualUserShare,
    print: percent,
  },
  'schedule-lag': {
    quantity: (facts) => reading(facts, 'schedule_lag_median_seconds'),
    limit: (limits) => limits.scheduleLagMedianSeconds,
    print: milliseconds,
  },
  'hit-ratio': {
    quantity: ({ readings, predictedHitRatio }) => Math.abs(observedHitRatio(readings) - (predictedHitRatio ?? 0)),
    limit: (limits, { predictedHitRatio }) =>
      predictedHitRatio === undefined ? 0 : declared(limits, 'hitRatioErrorOfSlot'),
    print: (error) =>
      Number.isNaN(error) ? 'no read that the cache has counted' : `${points(error)} from the prediction`,
  },
  /** A job counts when it is committed, so that one that is under way at the window's end may be missing. */
  'seats-created': {
    quantity: (facts) => {
      const { jobsPerSecond, seatsPerJob } = seatsOf(facts);
      const offered = jobsPerSecond * seatsPerJob * reading(facts, 'window_seconds');
      return (reading(facts, 'seats_created') + seatsPerJob) / offered;
    },
    limit: (limits) => declared(limits, 'seatsCreatedShare'),
    relation: 'at least',
    print: (share) => `${percent(share)} of the offered seats, one job at the edge included`,
  },
  'database-cpu-sources': {
    quantity: (facts) =>
      Math.abs(reading(facts, 'database_cpu_seconds') - reading(facts, 'database_cpu_seconds_second_source')),
    limit: (limits, facts) =>
      Math.max(limits.cpuSourcesSeconds, limits.cpuSourcesShare * (facts.readings.get('database_cpu_seconds') ?? 0)),
    print: (seconds) => `${milliseconds(seconds)} between the two sources`,
  },
  'cpu-budget': {
    quantity: (facts) => Math.abs(sumOf(facts, cpuBudgetParts) / reading(facts, 'machine_cpu_seconds') - 1),
    limit: (limits) => limits.cpuBudgetShare,
    print: (share) => `${percent(share)} between the parts’ sum and cores × seconds`,
  },
  'percentiles-agree': {
    quantity: (facts) => reading(facts, 'percentile_disagreement'),
    limit: (limits) => limits.percentileDisagreement,
    print: (share) => `${percent(share)} from k6’s own summary`,
  },
  evictions: noneOf('redis_cache_evictions', 'keys evicted from the cache'),
  'keys-without-ttl': noneOf('redis_cache_keys_without_ttl', 'keys in the cache live for ever'),
  'clock-step': {
    quantity: (facts) => Math.abs(reading(facts, 'clock_step_seconds')),
    limit: (limits) => limits.clockStepSeconds,
    print: milliseconds,
  },
  'foreign-cpu': {
    quantity: shareOf('other_cpu_seconds', 'machine_cpu_seconds'),
    limit: (limits) => limits.foreignCpuShare,
    print: (share) => `${percent(share)} of the machine used by others`,
  },
  steal: {
    quantity: shareOf('steal_cpu_seconds', 'machine_cpu_seconds'),
    limit: (limits) => limits.stealShare,
    print: (share) => `${percent(share)} of the machine stolen`,
  },
} satisfies Readonly<Record<string, SlotGuard>>;

export type GuardName = keyof typeof guards;

/** The number that each of these guards looks at; throws when a sample for one is missing. */
export function guardQuantities(names: readonly GuardName[], facts: SlotFacts): [GuardName, number][] {
  return names.map((name) => [name, guards[name].quantity(facts)]);
}

function judge(name: GuardName, facts: SlotFacts, limits: GuardLimits): GuardOutcome {
  const { quantity, limit, relation, print }: SlotGuard = guards[name];
  const bound = limit(limits, facts);
  try {
    const value = quantity(facts);
    return {
      guard: name,
      held: relation === 'at least' ? value >= bound : value <= bound,
      observed: print(value),
      limit: `${relation ?? 'at most'} ${print(bound)}`,
    };
  } catch (error) {
    return {
      guard: name,
      held: false,
      observed: error instanceof Error ? error.message : String(error),
      limit: print(bound),
    };
  }
}

export function judgeSlot(names: readonly GuardName[], facts: SlotFacts, limits: GuardLimits): GuardOutcome[] {
  return names.map((name) => judge(name, facts, limits));
}

/** Load from outside: such a slot is repeated without a look at its result. */
export function isDisturbed(facts: SlotFacts, limits: GuardLimits): boolean {
  return judgeSlot(['foreign-cpu', 'steal'], facts, limits).some((outcome) => !outcome.held);
}
