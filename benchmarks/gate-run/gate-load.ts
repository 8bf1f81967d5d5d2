import type { GateLoad } from '../gate/counters.ts';
import type { GuardLimits, GuardName, OfferedSeats } from '../protocol/guards.ts';

/** What one of the two loads asks for, and what must hold for a slot of it to count. */
export interface GateLoadPlan {
  readonly script: string;
  readonly ratePerSecond: number;
  readonly seats?: OfferedSeats;
  readonly guards: readonly GuardName[];
}

const seatsPerJob = 100;
const jobsPerSecond = 40;

/** The cache lives longer than a slot (30 s and 13 s), so that nothing expires inside a window. */
export const slotSeconds = { warmUpSeconds: 2, windowSeconds: 10 };

const everyLoad = [
  'dropped-iterations',
  'failed-requests',
  'wrong-bodies',
  'generator-cpu',
  'virtual-users',
  'schedule-lag',
  'cpu-budget',
  'database-cpu-sources',
  'clock-step',
  'evictions',
  'keys-without-ttl',
  'foreign-cpu',
  'steal',
] as const;

export const gateLoadPlans: Readonly<Record<GateLoad, GateLoadPlan>> = {
  reads: {
    script: 'performance-reads.ts',
    ratePerSecond: 400,
    guards: ['achieved-rate', 'percentiles-agree', ...everyLoad],
  },
  'seat-creation': {
    script: 'seat-creations.ts',
    ratePerSecond: jobsPerSecond,
    seats: { jobsPerSecond, seatsPerJob },
    guards: ['seats-created', ...everyLoad],
  },
};

/** As in the experiments, whose recorded slots set them. */
export const gateGuardLimits: GuardLimits = {
  achievedRateShare: 0.99,
  seatsCreatedShare: 0.95,
  generatorCpuShare: 0.8,
  virtualUserShare: 0.8,
  scheduleLagMedianSeconds: 0.005,
  foreignCpuShare: 0.05,
  stealShare: 0.05,
  cpuSourcesShare: 0.03,
  cpuSourcesSeconds: 0.05,
  cpuBudgetShare: 0.03,
  percentileDisagreement: 0.05,
  clockStepSeconds: 0.05,
};
