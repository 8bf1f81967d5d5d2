/**
 * One-sample location by Wilcoxon's signed ranks, exact. Hollander, Wolfe, Chicken: *Nonparametric Statistical
 * Methods*, 3rd ed., sections 3.1 (test), 3.2 (Hodges-Lehmann estimate) and 3.3 (interval).
 */

/** An estimate with its interval and the confidence that the interval really has. In the unit of the values. */
export interface Location {
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
  /** Achieved, at or above what was asked; below it only with a warning. */
  readonly confidence: number;
  /** How many values it comes from. */
  readonly count: number;
  readonly warnings: readonly string[];
}

/** Sums of ranks are counted in doubles, which are exact up to 2^53 sign assignments. */
export const largestCount = 52;

/**
 * Hodges-Lehmann estimate (the median of the Walsh averages) and the exact interval: the k-th smallest and k-th
 * largest Walsh average, with the largest k whose confidence is at least what is asked. All values enter, zeros
 * as well. Ties make the interval conservative, never too short. Too few values for the confidence asked give
 * the widest interval there is, the confidence that it has, and a warning, in which a value is called `unit`. Throws
 * RangeError for 0 or more than 52 values, and for what is not a finite number.
 */
export function locate(values: readonly number[], confidence = 0.95, unit = 'block'): Location {
  check(values);
  const walsh = walshAverages(values);
  const rank = intervalRank(values.length, confidence);
  const achieved = confidenceOfRank(values.length, rank);
  const lower = walsh[rank - 1] ?? Number.NaN;
  const upper = walsh[walsh.length - rank] ?? Number.NaN;
  const warnings =
    achieved >= confidence
      ? []
      : [
          `${values.length} ${unit}${values.length === 1 ? ' gives' : 's give'} at most ${(achieved * 100).toFixed(1)} % confidence; ` +
            `${(confidence * 100).toFixed(0)} % needs ${fewestForConfidence(confidence)}`,
        ];
  return { estimate: median(walsh), lower, upper, confidence: achieved, count: values.length, warnings };
}

/**
 * The exact two-sided p-value of "the values are symmetric around 0": twice the smaller tail of the positive
 * rank sum over all 2^n assignments of signs, at most 1. Ties share the mean of their ranks, and the assignments
 * run over those ranks, so the p-value stays exact. Zeros are dropped before ranking, as Wilcoxon did; all zeros
 * give 1.
 */
export function signedRankPValue(values: readonly number[]): number {
  check(values);
  const nonZero = values.filter((value) => value !== 0);
  const ranks = doubledRanks(nonZero.map(Math.abs));
  const observed = ranks.reduce((sum, rank, index) => sum + ((nonZero[index] ?? 0) > 0 ? rank : 0), 0);
  const counts = assignmentsByRankSum(ranks);
  const assignments = 2 ** nonZero.length;
  const tail = (from: number, to: number) => counts.slice(from, to).reduce((sum, count) => sum + count, 0);
  const smaller = Math.min(tail(0, observed + 1), tail(observed, counts.length));
  return Math.min(1, (2 * smaller) / assignments);
}

/** The k of the interval: 1 when even the outermost Walsh averages fall short of the confidence. */
export function intervalRank(count: number, confidence: number): number {
  let rank = 1;
  while (confidenceOfRank(count, rank + 1) >= confidence) rank += 1;
  return rank;
}

function confidenceOfRank(count: number, rank: number): number {
  const counts = assignmentsWithoutTies(count);
  const tail = counts.slice(0, rank).reduce((sum, assignments) => sum + assignments, 0);
  return 1 - (2 * tail) / 2 ** count;
}

function fewestForConfidence(confidence: number): number {
  return Math.ceil(1 - Math.log2(1 - confidence));
}

/** (x_i + x_j) / 2 for all i <= j, ascending. */
export function walshAverages(values: readonly number[]): number[] {
  const averages: number[] = [];
  for (const [index, value] of values.entries()) {
    for (const other of values.slice(index)) averages.push((value + other) / 2);
  }
  return averages.sort((a, b) => a - b);
}

const withoutTies = new Map<number, readonly number[]>();

/** Of the ranks 1 to `count`; computed once, because simulations ask for thousands of intervals. */
function assignmentsWithoutTies(count: number): readonly number[] {
  const known = withoutTies.get(count) ?? assignmentsByRankSum(Array.from({ length: count }, (_, index) => index + 1));
  withoutTies.set(count, known);
  return known;
}

/** At each sum, how many of the 2^n subsets of the ranks have it. */
function assignmentsByRankSum(ranks: readonly number[]): number[] {
  const counts = Array.from({ length: ranks.reduce((sum, rank) => sum + rank, 0) + 1 }, () => 0);
  counts[0] = 1;
  let reached = 0;
  for (const rank of ranks) {
    reached += rank;
    for (let sum = reached; sum >= rank; sum -= 1) counts[sum] = (counts[sum] ?? 0) + (counts[sum - rank] ?? 0);
  }
  return counts;
}

/** Twice the mid-ranks, so that they are integers. */
function doubledRanks(magnitudes: readonly number[]): number[] {
  return magnitudes.map((value) => {
    const below = magnitudes.filter((other) => other < value).length;
    const equal = magnitudes.filter((other) => other === value).length;
    return 2 * below + equal + 1;
  });
}

/** In any order; the mean of the middle two where their number is even. Throws RangeError for no values. */
export function median(values: readonly number[]): number {
  const ascending = values.toSorted((a, b) => a - b);
  const [lower, upper] = [ascending[(values.length - 1) >> 1], ascending[values.length >> 1]];
  if (lower === undefined || upper === undefined) throw new RangeError('the median of no values');
  return (lower + upper) / 2;
}

function check(values: readonly number[]): void {
  if (values.length === 0 || values.length > largestCount) {
    throw new RangeError(`signed ranks need 1 to ${largestCount} values, got ${values.length}`);
  }
  const odd = values.find((value) => !Number.isFinite(value));
  if (odd !== undefined) throw new RangeError(`signed ranks need finite values, got ${odd}`);
}
