import { array, assert, double, integer, pre, property } from 'fast-check';
import { describe, expect, test } from 'vitest';

import { locate, signedRankPValue } from '../analysis/signed-rank.ts';
import fixtures from './fixtures/signed-rank.json' with { type: 'json' };

/** The definition itself, over every assignment of signs to mid-ranks: slow, and written without the module's code. */
function pValueByDefinition(values: readonly number[]): number {
  const kept = values.filter((value) => value !== 0);
  const magnitudes = kept.map(Math.abs).sort((a, b) => a - b);
  const rank = (value: number) =>
    (magnitudes.indexOf(Math.abs(value)) + magnitudes.lastIndexOf(Math.abs(value))) / 2 + 1;
  const observed = kept.filter((value) => value > 0).reduce((sum, value) => sum + rank(value), 0);
  let [atMost, atLeast] = [0, 0];
  for (let assignment = 0; assignment < 2 ** kept.length; assignment += 1) {
    const sum = kept.reduce((total, value, bit) => total + ((assignment >> bit) & 1) * rank(value), 0);
    if (sum <= observed) atMost += 1;
    if (sum >= observed) atLeast += 1;
  }
  return Math.min(1, (2 * Math.min(atMost, atLeast)) / 2 ** kept.length);
}

describe('against R', () => {
  test.each(fixtures.sets)('agrees with wilcox.test on $name', ({ values, ...expected }) => {
    const location = locate(values);
    expect(location.estimate).toBeCloseTo(expected.estimate, 12);
    expect(location.lower).toBeCloseTo(expected.lower, 12);
    expect(location.upper).toBeCloseTo(expected.upper, 12);
    expect(location.confidence).toBeCloseTo(expected.confidence, 12);
    expect(location.warnings).toEqual([]);
    expect(signedRankPValue(values)).toBeCloseTo(expected.pValue, 12);
  });

  test('gives the published p-value, estimate and interval of the depression scores', () => {
    // Hollander, Wolfe, Chicken, examples 3.1, 3.3 and 3.4; the book takes after less before, so its signs differ.
    const [{ values } = { values: [] as number[] }] = fixtures.sets;
    expect(signedRankPValue(values)).toBeCloseTo(2 * 0.0195, 3);
    const { estimate, lower, upper, confidence } = locate(values, 0.96);
    expect(estimate).toBeCloseTo(0.46, 2);
    expect(lower).toBeCloseTo(0.01, 2);
    expect(upper).toBeCloseTo(0.786, 2);
    expect(confidence).toBeCloseTo(0.961, 3);
  });
});

describe('against the definition', () => {
  const coarse = array(integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 10 });

  test('counts the same assignments with ties and zeros', () => {
    assert(
      property(coarse, (values) => {
        expect(signedRankPValue(values)).toBeCloseTo(pValueByDefinition(values), 12);
      }),
    );
  });

  test('is the same from both sides', () => {
    assert(
      property(coarse, (values) => {
        const mirrored = values.map((value) => -value);
        expect(signedRankPValue(mirrored)).toBe(signedRankPValue(values));
        expect(locate(mirrored).estimate).toBeCloseTo(-locate(values).estimate, 12);
        expect(locate(mirrored).lower).toBeCloseTo(-locate(values).upper, 12);
      }),
    );
  });

  test('rejects at 5 % exactly when the 95 % interval excludes 0', () => {
    const continuous = array(double({ min: -1, max: 3, noNaN: true }), { minLength: 6, maxLength: 14 });
    assert(
      property(continuous, (values) => {
        const magnitudes = new Set(values.map(Math.abs));
        pre(magnitudes.size === values.length && !magnitudes.has(0));
        const { lower, upper, confidence } = locate(values);
        expect(signedRankPValue(values) <= 1 - confidence + 1e-12).toBe(lower > 0 || upper < 0);
      }),
    );
  });
});

describe('at its limits', () => {
  test('six values reach 96.9 %, and the interval is their range', () => {
    expect(locate([1, 2, 3, 4, 5, 7])).toMatchObject({ lower: 1, upper: 7, confidence: 0.96875, warnings: [] });
  });

  test('five values carry a warning with the confidence that they have and the number it takes', () => {
    const { confidence, warnings } = locate([1, 2, 3, 4, 5]);
    expect(confidence).toBe(0.9375);
    expect(warnings).toEqual(['5 blocks give at most 93.8 % confidence; 95 % needs 6']);
  });

  test('zeros alone are no evidence', () => {
    expect(signedRankPValue([0, 0, 0, 0, 0, 0])).toBe(1);
    expect(locate([0, 0, 0, 0, 0, 0])).toMatchObject({ estimate: 0, lower: 0, upper: 0 });
  });

  test.each([[[]], [Array.from({ length: 53 }, () => 1)], [[1, Number.NaN]], [[1, Number.POSITIVE_INFINITY]]])(
    'refuses %j',
    (values) => {
      expect(() => locate(values)).toThrow(RangeError);
      expect(() => signedRankPValue(values)).toThrow(RangeError);
    },
  );
});
