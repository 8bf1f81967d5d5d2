import type { VariantId } from '../evidence/schema.ts';

import type { BlockValues } from './blocks.ts';
import { createSeededRandom } from './seeded-random.ts';
import { locate } from './signed-rank.ts';
import type { Location } from './signed-rank.ts';

/** Which variant is held against itself in a block, and which of its two slots counts as the first. */
export interface ControlDraw {
  readonly variant: VariantId;
  readonly sign: 1 | -1;
}

export interface Control {
  /** The ratio of a variant to itself: 1 where nothing but noise differs. */
  readonly ratio: Location;
  /** Its interval excludes 1, and its estimate is further from 1 than half the floor allows. */
  readonly broken: boolean;
}

/** So that these draws are not those of the order within blocks, which come from the same seed. */
const stream = 0x636f_6e74;

/** The draws of a run, by block number: for each block a variant, then a sign. The same for every metric. */
export function controlDraws(seed: number, blocks: readonly number[]): ReadonlyMap<number, ControlDraw> {
  const random = createSeededRandom(seed ^ stream);
  return new Map(
    blocks.map((block) => [block, { variant: random() < 0.5 ? 'before' : 'after', sign: random() < 0.5 ? 1 : -1 }]),
  );
}

/**
 * The A/A comparison inside the run: in each block the two slots of one variant, as a log-ratio with a random
 * sign. undefined where a value is not positive.
 */
export function controlOf(
  values: readonly BlockValues[],
  draws: ReadonlyMap<number, ControlDraw>,
  floor: number,
): Control | undefined {
  const logRatios = values.flatMap(({ block, before, after }) => {
    const draw = draws.get(block);
    if (draw === undefined) return [];
    const [first, second] = draw.variant === 'before' ? before : after;
    return first > 0 && second > 0 ? [draw.sign * (Math.log(second) - Math.log(first))] : [];
  });
  if (logRatios.length === 0 || logRatios.length < values.length) return undefined;
  const location = locate(logRatios);
  return { ratio: exponential(location), broken: departsFromNone(location, floor) };
}

/** Whether the log-ratio of like and like excludes 0, and is further from it than half the floor. */
export function departsFromNone({ estimate, lower, upper }: Location, floor: number): boolean {
  return (lower > 0 || upper < 0) && Math.abs(estimate) > Math.log1p(floor) / 2;
}

/** From log-ratios to ratios. */
export function exponential(location: Location): Location {
  return {
    ...location,
    estimate: Math.exp(location.estimate),
    lower: Math.exp(location.lower),
    upper: Math.exp(location.upper),
  };
}
