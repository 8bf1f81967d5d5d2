import { binomialUpperBound } from '../analysis/binomial-bound.ts';
import type { GuardOutcome } from '../evidence/schema.ts';

/** How often something was judged, and how often it did not hold. */
export interface TripCount {
  readonly judged: number;
  readonly tripped: number;
}

/** Slots, and those of them in which a guard tripped. */
export function countSlots(slots: readonly { readonly guards: readonly GuardOutcome[] }[]): TripCount {
  return { judged: slots.length, tripped: slots.filter(({ guards }) => guards.some(({ held }) => !held)).length };
}

/** The same for every guard, by its name, over the slots in which it was judged. */
export function countByGuard(
  slots: readonly { readonly guards: readonly GuardOutcome[] }[],
): ReadonlyMap<string, TripCount> {
  const outcomes = Map.groupBy(
    slots.flatMap(({ guards }) => guards),
    ({ guard }) => guard,
  );
  return new Map(
    Array.from(outcomes, ([guard, own]) => [
      guard,
      { judged: own.length, tripped: own.filter(({ held }) => !held).length },
    ]),
  );
}

/**
 * How many slots are needed, with no more trips than there were, for the upper bound of Clopper and Pearson at 95 % to
 * be at most `share`: 299 for none of them and 1 in 100.
 */
export function slotsNeeded({ tripped }: TripCount, share: number): number {
  let enough = Math.max(1, tripped);
  while (binomialUpperBound(tripped, enough) > share) enough *= 2;
  let tooFew = 0;
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (middle >= tripped && binomialUpperBound(tripped, middle) <= share) enough = middle;
    else tooFew = middle;
  }
  return enough;
}
