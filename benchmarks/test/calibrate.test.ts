import { array, assert, asyncProperty, double } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { calibrate } from '../protocol/calibrate.ts';

/** A database whose CPU follows the rate, with a fixed cost and a disturbance of a few per cent. */
function database(millisecondsPerRead: number, noise: readonly number[] = [0]) {
  let slot = 0;
  const rates: number[] = [];
  const measure = (rate: number): Promise<number> => {
    rates.push(rate);
    return Promise.resolve((millisecondsPerRead / 1000) * (1 + (noise[slot++ % noise.length] ?? 0)));
  };
  return { measure, rates };
}

describe('calibration', () => {
  it('finds the rate at which the database stands near the target, whatever a read costs', async () => {
    await assert(
      asyncProperty(
        double({ min: 1, max: 20, noNaN: true }),
        array(double({ min: -0.03, max: 0.03, noNaN: true }), { minLength: 3, maxLength: 9 }),
        async (cost, noise) => {
          const { measure } = database(cost, noise);
          const { rate } = await calibrate({ targetPercent: 80, firstGuessPerSecond: 150, measure });
          const truePercent = (rate * cost) / 10;
          expect(truePercent).toBeGreaterThan(70);
          expect(truePercent).toBeLessThan(90);
        },
      ),
    );
  });

  it('confirms a rate by three slots at that very rate', async () => {
    const { measure, rates } = database(5);
    const { rate } = await calibrate({ targetPercent: 80, firstGuessPerSecond: 150, measure });
    expect(rate).toBe(160);
    expect(rates.slice(-3)).toEqual([160, 160, 160]);
  });

  it('ends with the last rate when the machine is too unsteady to confirm one', async () => {
    const { measure, rates } = database(5, [0, 0.5, -0.5, 0.5, -0.5, 0.5]);
    const { met } = await calibrate({ targetPercent: 80, firstGuessPerSecond: 150, measure });
    expect(met).toBe(false);
    expect(rates.length).toBeLessThanOrEqual(13);
  });

  it('refuses a database that uses no CPU, instead of raising the rate for ever', async () => {
    const measure = (): Promise<number> => Promise.resolve(0);
    await expect(calibrate({ targetPercent: 80, firstGuessPerSecond: 150, measure })).rejects.toThrow(
      /cost the database 0 s/,
    );
  });
});
