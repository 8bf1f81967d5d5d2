import type { GuardOutcome, Sample, Slot } from '../evidence/schema.ts';
import { declared, observedHitRatio } from './guards.ts';
import type { SlotConditions } from './slot-facts.ts';

interface MeasuredSlots {
  readonly slots: readonly Slot[];
  readonly samples: readonly Sample[];
}

/** The measured slots of *after* together, held against the prediction; nothing where nobody predicts. */
export function hitRatioOfRun(
  { experiment, profile, rate }: SlotConditions,
  { slots, samples }: MeasuredSlots,
): GuardOutcome[] {
  const predicted = experiment.predictHitRatio?.(profile, rate);
  if (predicted === undefined) return [];
  const ofAfter = new Set(
    slots.filter(({ role, variant }) => role === 'measured' && variant === 'after').map(({ id }) => id),
  );
  const totals = new Map<string, number>();
  for (const { slot, metric, value } of samples) {
    if (ofAfter.has(slot)) totals.set(metric, (totals.get(metric) ?? 0) + value);
  }
  const observed = observedHitRatio(totals);
  const limit = declared(experiment.guardLimits, 'hitRatioErrorOfRun');
  return [
    {
      guard: 'hit-ratio-of-run',
      held: Math.abs(observed - predicted) <= limit,
      observed: `${(100 * observed).toFixed(2)} %`,
      limit: `${(100 * predicted).toFixed(2)} % predicted, ${(100 * limit).toFixed(1)} points away at most`,
    },
  ];
}
