import fc from 'fast-check';
import { expect, it } from 'vitest';

import { drainRate } from '../faults/worker-drain.ts';

const everyTenMs = Array.from({ length: 1_001 }, (_, index) => 1_790_000_000_000 + 10 * index);

it('gives the rate of a steady drain', () => {
  expect(drainRate(everyTenMs)).toBeCloseTo(100, 6);
});

it('does not care for the order of the jobs', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(everyTenMs, { minLength: everyTenMs.length }), (shuffled) => {
      expect(drainRate(shuffled)).toBe(drainRate(everyTenMs));
    }),
    { numRuns: 20 },
  );
});

it('leaves out how long the first and the last jobs took', () => {
  const slowEnds = everyTenMs.map((ms, index) => (index < 50 ? ms - 60_000 : index > 950 ? ms + 60_000 : ms));
  expect(drainRate(slowEnds)).toBeCloseTo(100, 6);
});

it('sees a drain that is half as fast', () => {
  expect(drainRate(everyTenMs.map((ms) => 2 * ms))).toBeCloseTo(50, 6);
});
