import type { Slot } from '../evidence/schema.ts';
import type { Experiment, Profile } from './experiment.ts';
import type { SlotFacts, SlotReadings } from './guards.ts';

export interface SlotConditions {
  readonly experiment: Experiment;
  readonly profile: Profile;
  /** Of the blocks, in reads per second. */
  readonly rate: number;
}

type LoadOfSlot = Pick<Slot, 'role' | 'variant' | 'offered' | 'warmUpSeconds' | 'windowSeconds'>;

/** What the guards of a slot are to look at: what was read, and what the load and the workload lead to expect. */
export function slotFacts(
  { experiment, profile, rate }: SlotConditions,
  { role, variant, offered, warmUpSeconds, windowSeconds }: LoadOfSlot,
  readings: SlotReadings,
): SlotFacts {
  const closed = role === 'closed';
  return {
    offeredPerSecond: closed ? undefined : offered,
    predictedHitRatio:
      variant === 'after'
        ? experiment.predictHitRatio?.({ ...profile, warmUpSeconds, windowSeconds }, closed ? rate : offered)
        : undefined,
    offeredSeats: experiment.seats,
    readings,
  };
}
