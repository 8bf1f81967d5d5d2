import type { Claim, RunRecord } from '../evidence/schema.ts';

import type { Comparison } from './comparison.ts';
import type { Location } from './signed-rank.ts';

export type VerdictName = 'CONFIRMED' | 'REFUTED' | 'INCONCLUSIVE' | 'INVALID';

export interface Verdict {
  readonly name: VerdictName;
  /** Why, in words; one for each thing that decided. */
  readonly reasons: readonly string[];
  /** Of the script: 0 confirmed, 1 refuted, 2 inconclusive, 3 invalid. */
  readonly exitStatus: 0 | 1 | 2 | 3;
}

const exitStatuses = { CONFIRMED: 0, REFUTED: 1, INCONCLUSIVE: 2, INVALID: 3 } as const;

/**
 * Holds the claim against the interval of its metric. Guards come first: a run that broke one proves nothing,
 * whatever it shows. Which guards a slot has is the experiment's choice; each that is there counts.
 */
export function judge(run: RunRecord, primary: Comparison, completeBlocks: number): Verdict {
  const invalid = invalidReasons(run, primary, completeBlocks);
  if (invalid.length > 0) return verdict('INVALID', invalid);

  const { claim } = run.experiment;
  const location = claimedLocation(claim, primary);
  if (location === undefined) return verdict('INVALID', [`${primary.metric.label} has no value`]);
  if (location.warnings.length > 0) return verdict('INCONCLUSIVE', location.warnings);
  if (primary.control?.broken === true) {
    return verdict('INCONCLUSIVE', [
      'a variant differs from itself by more than half the floor: the control is broken',
    ]);
  }
  return held(claim, location);
}

/** What the claim is held against: the level of a variant, or after / before. undefined: not measured. */
export function claimedLocation({ variant }: Claim, primary: Comparison): Location | undefined {
  return variant === 'change' ? primary.ratio : primary[variant];
}

function held({ relation, bound }: Claim, { lower, upper }: Location): Verdict {
  const within = relation === 'at-most' ? upper <= bound : lower >= bound;
  const outside = relation === 'at-most' ? lower > bound : upper < bound;
  const [good, bad] = relation === 'at-most' ? ['at or below', 'above'] : ['at or above', 'below'];
  if (within) return verdict('CONFIRMED', [`the whole interval lies ${good} the bound`]);
  if (outside) return verdict('REFUTED', [`the whole interval lies ${bad} the bound`]);
  return verdict('INCONCLUSIVE', ['the interval lies on both sides of the bound']);
}

function invalidReasons(run: RunRecord, primary: Comparison, completeBlocks: number): string[] {
  const reasons: string[] = [];
  if (run.brokenBy !== undefined) reasons.push(`the run ended early: ${run.brokenBy}`);
  if (completeBlocks !== run.profile.blocks) {
    reasons.push(`${completeBlocks} of ${run.profile.blocks} blocks are complete`);
  }
  const missing = completeBlocks - primary.values.length;
  if (missing > 0) reasons.push(`${primary.metric.label} is missing in ${missing} of ${completeBlocks} blocks`);
  for (const [guard, places] of brokenGuards(run)) {
    const shown = places.slice(0, 3).join(', ');
    const more = places.length > 3 ? ` and ${places.length - 3} more` : '';
    reasons.push(`guard ${guard} did not hold (${shown}${more})`);
  }
  return reasons;
}

/** Guards that did not hold, each with where and what was seen. */
function brokenGuards({ guards, slots }: RunRecord): Map<string, string[]> {
  const broken = new Map<string, string[]>();
  const add = (guard: string, place: string) => broken.set(guard, [...(broken.get(guard) ?? []), place]);
  for (const { guard, held, observed } of guards) if (!held) add(guard, observed);
  for (const slot of slots) {
    for (const { guard, held, observed } of slot.guards) if (!held) add(guard, `slot ${slot.id}: ${observed}`);
  }
  return broken;
}

export function verdict(name: VerdictName, reasons: readonly string[]): Verdict {
  return { name, reasons, exitStatus: exitStatuses[name] };
}
