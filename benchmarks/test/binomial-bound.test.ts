import { describe, expect, test } from 'vitest';

import { binomialUpperBound } from '../analysis/binomial-bound.ts';
import fixtures from './fixtures/binomial-bound.json' with { type: 'json' };

describe('the exact upper bound of a probability', () => {
  test.each(fixtures.bounds)('agrees with binom.test of R on $events of $tries', ({ events, tries, ...expected }) => {
    const digits = 9 - Math.floor(Math.log10(expected.upper95));
    expect(binomialUpperBound(events, tries)).toBeCloseTo(expected.upper95, digits);
    expect(binomialUpperBound(events, tries, 0.99)).toBeCloseTo(expected.upper99, digits);
  });

  test('is 2.95 % for 0 of 100, and about 3 / n for no event: the rule of three', () => {
    expect(binomialUpperBound(0, 100)).toBeCloseTo(0.0295, 4);
    expect(binomialUpperBound(0, 100)).toBeCloseTo(1 - 0.05 ** 0.01, 15);
    for (const tries of [100, 1000, 1e6]) expect(binomialUpperBound(0, tries) * tries).toBeCloseTo(3, 1);
  });

  test('covers: by the definition, so many events or fewer are rare at the bound and not below it', () => {
    const atMost = (events: number, tries: number, probability: number) => {
      let [term, sum] = [(1 - probability) ** tries, 0];
      for (let k = 0; k <= events; k += 1) {
        sum += term;
        term *= ((tries - k) / (k + 1)) * (probability / (1 - probability));
      }
      return sum;
    };
    for (const [events, tries] of [
      [0, 5],
      [2, 30],
      [7, 12],
    ] as const) {
      const bound = binomialUpperBound(events, tries);
      expect(atMost(events, tries, bound)).toBeCloseTo(0.05, 10);
      expect(atMost(events, tries, bound * 0.99)).toBeGreaterThan(0.05);
    }
  });

  test('bounds nothing without a try, and refuses what cannot have been counted', () => {
    expect(binomialUpperBound(0, 0)).toBe(1);
    expect(() => binomialUpperBound(4, 3)).toThrow('got 4 of 3');
    expect(() => binomialUpperBound(-1, 3)).toThrow(RangeError);
    expect(() => binomialUpperBound(0.5, 3)).toThrow(RangeError);
  });
});
