import { bootstrapMean } from './block-bootstrap.ts';
import { createSeededRandom } from './seeded-random.ts';
import { intervalRank, locate, walshAverages } from './signed-rank.ts';
import { standardNormal } from './standard-normal.ts';

/** What blocks may be drawn from. */
export interface Noise {
  readonly name: string;
  readonly symmetric: boolean;
  readonly draw: (random: () => number) => number;
  /** The median of the mean of two draws: what the Hodges-Lehmann estimate is about. */
  readonly pseudoMedian: number;
  readonly mean: number;
}

const logLogisticShape = 3;

export const noises: readonly Noise[] = [
  { name: 'normal', symmetric: true, draw: standardNormal, pseudoMedian: 0, mean: 0 },
  { name: 't, 3 degrees of freedom', symmetric: true, draw: studentT3, pseudoMedian: 0, mean: 0 },
  {
    name: 'exponential',
    symmetric: false,
    draw: (random) => exponentialQuantile(random()),
    pseudoMedian: pseudoMedianOf(exponentialQuantile, (x) => -Math.expm1(-x)),
    mean: 1,
  },
  {
    name: 'log-logistic, shape 3',
    symmetric: false,
    draw: (random) => logLogisticQuantile(random()),
    pseudoMedian: pseudoMedianOf(logLogisticQuantile, (x) => 1 / (1 + x ** -logLogisticShape)),
    mean: Math.PI / logLogisticShape / Math.sin(Math.PI / logLogisticShape),
  },
];

function studentT3(random: () => number): number {
  const squares = standardNormal(random) ** 2 + standardNormal(random) ** 2 + standardNormal(random) ** 2;
  return standardNormal(random) / Math.sqrt(squares / 3);
}

function exponentialQuantile(share: number): number {
  return -Math.log1p(-share);
}

function logLogisticQuantile(share: number): number {
  return (share / (1 - share)) ** (1 / logLogisticShape);
}

/** Of a positive variable: the m at which P(X + Y <= 2m), the mean over X of F(2m - X), is one half. */
function pseudoMedianOf(quantile: (share: number) => number, distribution: (x: number) => number): number {
  const points = 4000;
  const grid = Array.from({ length: points }, (_, index) => quantile((index + 0.5) / points));
  let [below, above] = [0, 100];
  for (let middle = 50; middle > below && middle < above; middle = (below + above) / 2) {
    const share = grid.reduce((sum, x) => sum + (2 * middle > x ? distribution(2 * middle - x) : 0), 0) / points;
    if (share < 0.5) below = middle;
    else above = middle;
  }
  return above;
}

/** How many of `runs` simulated runs had the true value in their interval. */
export interface Coverage {
  readonly noise: Noise;
  readonly blocks: number;
  readonly runs: number;
  readonly covered: number;
}

interface Simulation {
  readonly noise: Noise;
  readonly blocks: number;
  readonly runs: number;
  readonly seed: number;
}

/** The exact signed-rank interval of a run's `blocks` values, held against the pseudo-median. */
export function signedRankCoverage({ noise, blocks, runs, seed }: Simulation): Coverage {
  const rank = intervalRank(blocks, 0.95);
  return countCovered({ noise, blocks, runs, seed }, (values) => {
    const walsh = walshAverages(values);
    const [lower = Number.NaN, upper = Number.NaN] = [walsh[rank - 1], walsh[walsh.length - rank]];
    return lower <= noise.pseudoMedian && noise.pseudoMedian <= upper;
  });
}

/** The bootstrap interval of the mean, held against the mean. */
export function bootstrapCoverage({ noise, blocks, runs, seed }: Simulation): Coverage {
  return countCovered({ noise, blocks, runs, seed }, (values, run) => {
    const interval = bootstrapMean(values, seed + run);
    return interval !== undefined && interval.lower <= noise.mean && noise.mean <= interval.upper;
  });
}

/** What theory promises the signed-rank interval under symmetric noise. */
export function signedRankConfidence(blocks: number): number {
  return locate(Array.from({ length: blocks }, (_, index) => index)).confidence;
}

function countCovered(
  { noise, blocks, runs, seed }: Simulation,
  covers: (values: readonly number[], run: number) => boolean,
): Coverage {
  const random = createSeededRandom(seed);
  let covered = 0;
  for (let run = 0; run < runs; run += 1) {
    if (
      covers(
        Array.from({ length: blocks }, () => noise.draw(random)),
        run,
      )
    )
      covered += 1;
  }
  return { noise, blocks, runs, covered };
}
