import { departsFromNone, exponential } from '../analysis/control.ts';
import { detectableLogRatio } from '../analysis/detectable-effect.ts';
import { locate, type Location, signedRankPValue } from '../analysis/signed-rank.ts';
import type { BlockValues } from './gate-metrics.ts';

/** Blocks of each stage, and what they have to show: see "Gate" in benchmarks/README.md. */
export const gateRules = {
  screen: { blocks: 6, largestPValue: 0.1, smallestEffect: 0.03 },
  confirmation: { blocks: 12, largestPValue: 0.005, smallestEffect: 0.05 },
  /** Blocks that the same processes serve; then the services are started anew. */
  blocksBetweenRestarts: 3,
} as const;

export type GateStage = 'screen' | 'confirmation';

/** Head against base in one metric, block by block. */
export interface BlocksComparison {
  /** In the metric's unit. */
  readonly base: Location;
  readonly head: Location;
  /** head / base. */
  readonly ratio: Location;
  readonly pValue: number;
  /** The smallest relative change that this stage would have seen in 80 of 100 gates, at its own p-value. */
  readonly smallestDetectable?: number;
  /** A second instance of the base / the base: 1 where nothing but noise differs. */
  readonly control?: { readonly ratio: Location; readonly broken: boolean };
}

/** undefined without a block. Throws RangeError for a value that is not positive. */
export function compareBlocks(blocks: readonly BlockValues[], stage: GateStage): BlocksComparison | undefined {
  if (blocks.length === 0) return undefined;
  const logRatios = blocks.map(({ base, head }) => logRatio(head, base));
  const controls = blocks.flatMap(({ base, control }) => (control === undefined ? [] : [logRatio(control, base)]));
  const { largestPValue, smallestEffect } = gateRules[stage];
  const detectable = detectableLogRatio(logRatios, 1 - largestPValue);
  const control = controls.length === 0 ? undefined : locate(controls);
  return {
    base: locate(blocks.map(({ base }) => base)),
    head: locate(blocks.map(({ head }) => head)),
    ratio: exponential(locate(logRatios)),
    pValue: signedRankPValue(logRatios),
    ...(detectable !== undefined && { smallestDetectable: Math.max(smallestEffect, Math.expm1(detectable)) }),
    ...(control && { control: { ratio: exponential(control), broken: departsFromNone(control, smallestEffect) } }),
  };
}

function logRatio(value: number, reference: number): number {
  if (!(value > 0) || !(reference > 0))
    throw new RangeError(`a ratio needs positive values, got ${value} / ${reference}`);
  return Math.log(value) - Math.log(reference);
}

/** Whether head costs enough more, and surely enough, for this stage to say so. */
export function exceeds({ ratio, pValue }: JudgedBlocks, stage: GateStage): boolean {
  const { largestPValue, smallestEffect } = gateRules[stage];
  return pValue <= largestPValue && ratio.estimate - 1 >= smallestEffect;
}

export type BlocksFinding = 'not-flagged' | 'not-confirmed' | 'unclear' | 'control-broken' | 'regression';

type JudgedBlocks = Pick<BlocksComparison, 'pValue'> & { readonly ratio: Pick<Location, 'estimate'> };

/** What fresh blocks say about a load that the screen flagged. */
export function findInConfirmation(
  confirmation: JudgedBlocks & { readonly control?: { readonly broken: boolean } },
): Exclude<BlocksFinding, 'not-flagged'> {
  if (!exceeds(confirmation, 'screen')) return 'not-confirmed';
  if (!exceeds(confirmation, 'confirmation')) return 'unclear';
  return confirmation.control?.broken === false ? 'regression' : 'control-broken';
}
