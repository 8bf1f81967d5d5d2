import { describe, expect, it } from 'vitest';

import {
  listPages,
  performanceIdOfRank,
  performanceWorkload,
  performanceWrite,
} from '../scenarios/performance-workload.ts';
import { hallsForLoad, readsBesideSeatsWorkload } from '../scenarios/reads-beside-seats-workload.ts';
import { seededUniforms } from '../scenarios/seeded-uniforms.ts';
import { createZipfRank } from '../scenarios/zipf-rank.ts';

/** Pearson's chi-squared statistic; for many degrees of freedom nearly normal, with this mean and deviation. */
function chiSquaredScore(observed: readonly number[], expected: readonly number[]): number {
  const statistic = observed.reduce(
    (sum, count, index) => sum + (count - (expected[index] ?? 0)) ** 2 / (expected[index] ?? 0),
    0,
  );
  const degrees = observed.length - 1;
  return (statistic - degrees) / Math.sqrt(2 * degrees);
}

describe('ranks by Zipf', () => {
  function countsOf(draw: (uniform: () => number) => number, items: number, draws: number): number[] {
    const counts = Array.from({ length: items }, () => 0);
    for (let index = 0; index < draws; index += 1) {
      const rank = draw(seededUniforms(1, index));
      counts[rank] = (counts[rank] ?? 0) + 1;
    }
    return counts;
  }
  const draws = 400_000;
  const sharesOf = (items: number, exponent: number): number[] => {
    const weights = Array.from({ length: items }, (_, rank) => (rank + 1) ** -exponent);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => (draws * weight) / total);
  };

  it.each([0.7, 1, 1.4])('have the shares that the law gives them, exponent %s', (exponent) => {
    const counts = countsOf(createZipfRank(200, exponent), 200, draws);
    expect(Math.abs(chiSquaredScore(counts, sharesOf(200, exponent)))).toBeLessThan(4);
    // The control: a law that is off by a twentieth is seen.
    expect(chiSquaredScore(counts, sharesOf(200, exponent + 0.05))).toBeGreaterThan(20);
  });

  it('reach from the first to the last', () => {
    const rank = createZipfRank(10_000, 1);
    expect(rank(() => 1 - 2 ** -32)).toBe(0);
    expect(rank(() => 0)).toBe(9_999);
  });
});

describe('seeded uniforms', () => {
  it('are even, and those of neighbouring iterations unrelated', () => {
    const draws = Array.from({ length: 100_000 }, (_, index) => seededUniforms(20_261_123, index)());
    const counts = Array.from({ length: 100 }, () => 0);
    for (const uniform of draws) counts[Math.floor(100 * uniform)] = (counts[Math.floor(100 * uniform)] ?? 0) + 1;
    expect(
      Math.abs(
        chiSquaredScore(
          counts,
          Array.from({ length: 100 }, () => 1000),
        ),
      ),
    ).toBeLessThan(4);
    const covariance = draws
      .slice(1)
      .reduce((sum, uniform, index) => sum + (uniform - 0.5) * ((draws[index] ?? 0) - 0.5), 0);
    expect(Math.abs((12 * covariance) / draws.length)).toBeLessThan(4 / Math.sqrt(draws.length));
  });

  it('depend on every integer and on their order', () => {
    const first = (...integers: number[]): number => seededUniforms(...integers)();
    expect(first(1, 2, 3)).toBe(first(1, 2, 3));
    expect(new Set([first(1, 2, 3), first(3, 2, 1), first(1, 2), first(1, 2, 0), first(0, 1, 2)]).size).toBe(5);
  });
});

describe('the halls that are made for a load', () => {
  it.each([4.8, 9.3, 19.3, 20])('are one for each job that may start in %d seconds, and hardly more', (seconds) => {
    // The first job starts at once, and one at the very end may still.
    const jobs = Math.floor(seconds * readsBesideSeatsWorkload.jobsPerSecond) + 1;
    expect(hallsForLoad(seconds)).toBeGreaterThanOrEqual(jobs);
    expect(hallsForLoad(seconds)).toBeLessThanOrEqual(jobs + 1);
  });
});

describe('the declared workload', () => {
  it('has 40 list pages, each once', () => {
    expect(new Set(listPages().map(({ genre, city }) => `${genre} ${city}`)).size).toBe(40);
  });

  it('gives every rank a performance of its own', () => {
    const ids = Array.from({ length: performanceWorkload.performances }, (_, rank) => performanceIdOfRank(rank));
    expect(new Set(ids).size).toBe(10_000);
    expect([Math.min(...ids), Math.max(...ids)]).toEqual([1, 10_000]);
  });

  it('writes to popular performances, each write to its own value', () => {
    const popular = new Set(
      Array.from({ length: performanceWorkload.writtenRanks }, (_, rank) => performanceIdOfRank(rank)),
    );
    const writes = Array.from({ length: 2000 }, (_, index) => performanceWrite(index));
    expect(writes.every(({ performanceId }) => popular.has(performanceId))).toBe(true);
    expect(new Set(writes.map(({ performanceId }) => performanceId)).size).toBe(popular.size);
    expect(new Set(writes.map(({ title }) => title)).size).toBe(writes.length);
    expect(performanceWrite(3)).toEqual(performanceWrite(3));
  });
});
