import { createSeededRandom } from './seeded-random.ts';

/** At about 95 %: how often such an interval holds is simulated in reports/interval-coverage.md. */
export interface BootstrapInterval {
  readonly lower: number;
  readonly upper: number;
}

const resamples = 1000;
const tail = resamples * 0.025;

/**
 * The interval of a mean over blocks, in the unit of the values: for derived figures that no rank test is about. Blocks
 * are drawn with replacement, and each draw's distance from the mean is counted in its own standard errors
 * (bootstrap-t): with few blocks the percentiles of the drawn means alone lie too near to each other. undefined where too
 * many draws are of one value alone: for fewer than 6 blocks, and where nearly all blocks have the same value.
 *
 * Efron, Tibshirani: *An Introduction to the Bootstrap* (1993), section 12.5.
 */
export function bootstrapMean(values: readonly number[], seed: number): BootstrapInterval | undefined {
  const count = values.length;
  if (count < 6) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const centred = Float64Array.from(values, (value) => value - mean);
  const spread = standardError(
    centred.reduce((sum, value) => sum + value, 0),
    centred.reduce((sum, value) => sum + value * value, 0),
    count,
  );
  if (spread === 0) return { lower: mean, upper: mean };
  const random = createSeededRandom(seed);
  const distances = Float64Array.from({ length: resamples }, () => distanceOfDraw(centred, random)).sort();
  const [low = Number.NaN, high = Number.NaN] = [distances[tail - 1], distances[resamples - tail]];
  return Number.isFinite(low) && Number.isFinite(high)
    ? { lower: mean - high * spread, upper: mean - low * spread }
    : undefined;
}

/** In standard errors of the draw; infinite for a draw of one value alone. */
function distanceOfDraw(centred: Float64Array, random: () => number): number {
  let [sum, squares] = [0, 0];
  for (let drawn = 0; drawn < centred.length; drawn += 1) {
    const value = centred[Math.floor(random() * centred.length)] ?? Number.NaN;
    sum += value;
    squares += value * value;
  }
  const spread = standardError(sum, squares, centred.length);
  return sum === 0 ? 0 : sum / centred.length / spread;
}

/** Of a mean, from the sum of its values and that of their squares; 0 when all that differs is rounding. */
function standardError(sum: number, squares: number, count: number): number {
  const rest = squares - (sum * sum) / count;
  return rest <= squares * 1e-12 ? 0 : Math.sqrt(rest / (count - 1) / count);
}
