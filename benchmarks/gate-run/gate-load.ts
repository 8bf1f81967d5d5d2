import type { GateLoad } from '../gate/counters.ts';
import { recordedGuardLimits } from '../protocol/guard-limits.ts';
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

/** The cache lives longer than a slot (30 s and 14 s), so that nothing expires inside a window. */
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

export const gateGuardLimits: GuardLimits = { ...recordedGuardLimits, seatsCreatedShare: 0.95 };
