import { array, assert, double, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bootstrapMean } from '../analysis/block-bootstrap.ts';
import { bootstrapCoverage, noises, signedRankConfidence, signedRankCoverage } from '../analysis/interval-coverage.ts';

const runs = 4000;
/** Four standard errors of a share near 95 %: chance goes beyond them once in 16,000 cells. */
const chance = 4 * Math.sqrt((0.95 * 0.05) / runs);
const symmetric = noises.filter((noise) => noise.symmetric);
const cells = [6, 10, 12].flatMap((blocks) => symmetric.map((noise) => ({ blocks, noise, name: noise.name })));

describe('the exact signed-rank interval', () => {
  it.each(cells)('holds the truth as often as theory says: $blocks blocks, $name', ({ blocks, noise }) => {
    const { covered } = signedRankCoverage({ noise, blocks, runs, seed: 7 });
    expect(Math.abs(covered / runs - signedRankConfidence(blocks))).toBeLessThan(chance);
  });

  it('has the confidence of its tables: 62/64 at 6 blocks', () => {
    expect(signedRankConfidence(6)).toBe(0.96875);
  });

  it('would be seen to fail: it seldom holds another value than the truth', () => {
    const [normal = expect.fail()] = noises;
    const { covered } = signedRankCoverage({ noise: { ...normal, pseudoMedian: 1 }, blocks: 12, runs, seed: 7 });
    expect(covered / runs).toBeLessThan(0.5);
  });

  it('knows the pseudo-median of lopsided noise: of the exponential half the median of a gamma distribution', () => {
    // qgamma(0.5, shape = 2) / 2 in R.
    expect(noises.find(({ name }) => name === 'exponential')?.pseudoMedian).toBeCloseTo(1.678346990016661 / 2, 4);
  });
});

describe('the bootstrap interval of a mean', () => {
  const values = array(double({ min: 0.01, max: 100, noNaN: true }), { minLength: 6, maxLength: 12 });

  it('holds the mean of the values, moves and scales with them, and is the same for the same seed', () => {
    assert(
      property(values, integer(), (own, seed) => {
        const interval = bootstrapMean(own, seed);
        expect(bootstrapMean(own, seed)).toEqual(interval);
        if (interval === undefined) return;
        const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
        expect(interval.lower).toBeLessThanOrEqual(mean);
        expect(interval.upper).toBeGreaterThanOrEqual(mean);
        const doubled = bootstrapMean(
          own.map((value) => 2 * value),
          seed,
        );
        expect(doubled).toEqual({ lower: 2 * interval.lower, upper: 2 * interval.upper });
      }),
    );
  });

  it('is near 95 % where blocks are normal', () => {
    const [normal = expect.fail()] = noises;
    const { covered } = bootstrapCoverage({ noise: normal, blocks: 10, runs: 500, seed: 7 });
    expect(covered / 500).toBeGreaterThan(0.9);
    expect(covered / 500).toBeLessThan(0.98);
  });

  it('is none of too few blocks, none where nearly all are the same, and a point where all are', () => {
    expect(bootstrapMean([1, 2, 3, 4, 5], 1)).toBeUndefined();
    expect(bootstrapMean([0, 0, 0, 0, 0, 0.01], 1)).toBeUndefined();
    expect(bootstrapMean([3, 3, 3, 3, 3, 3], 1)).toEqual({ lower: 3, upper: 3 });
  });
});
