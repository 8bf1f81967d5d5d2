import { array, assert, double, property, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';

import { analyzeRun } from '../analysis/analyze-run.ts';
import { blockValues, completeBlocks } from '../analysis/blocks.ts';
import type { BlockValues } from '../analysis/blocks.ts';
import { adjustForMultiplicity, compareMetric, findingOf } from '../analysis/comparison.ts';
import { controlDraws, controlOf } from '../analysis/control.ts';
import { detectableLogRatio, standardShift } from '../analysis/detectable-effect.ts';
import { holm } from '../analysis/holm.ts';
import { percentile, readingsBySlot } from '../analysis/metric-value.ts';
import { createSeededRandom } from '../analysis/seeded-random.ts';
import { locate } from '../analysis/signed-rank.ts';
import type { MetricDefinition } from '../evidence/schema.ts';
import holmFixtures from './fixtures/holm.json' with { type: 'json' };
import { syntheticEvidence } from './synthetic-evidence.ts';

const metric: MetricDefinition = {
  id: 'cpu',
  label: 'CPU',
  unit: '%',
  better: 'lower',
  source: { kind: 'level', sample: 'cpu' },
  role: 'primary',
  floor: 0.05,
};

const block = (number: number, before: number, after: number): BlockValues => ({
  block: number,
  before: [before, before],
  after: [after, after],
});

const compare = (values: BlockValues[], own: MetricDefinition = metric) =>
  adjustForMultiplicity([compareMetric(own, { values, warnings: [] }, new Map())])[0] ?? expect.fail();

const positive = double({ min: 0.01, max: 1e6, noNaN: true });
const pairs = array(tuple(positive, positive), { minLength: 6, maxLength: 12 });

describe('a comparison', () => {
  test('turns around when the labels are swapped', () => {
    assert(
      property(pairs, (values) => {
        const forward = compare(values.map(([before, after], index) => block(index, before, after)));
        const swapped = compare(values.map(([before, after], index) => block(index, after, before)));
        expect(swapped.pValue).toBe(forward.pValue);
        expect(swapped.before).toEqual(forward.after);
        const [there = expect.fail(), back = expect.fail()] = [forward.ratio, swapped.ratio];
        expect(Math.log(back.estimate)).toBeCloseTo(-Math.log(there.estimate), 9);
        expect(Math.log(back.lower)).toBeCloseTo(-Math.log(there.upper), 9);
        const opposite = { better: 'worse', worse: 'better' } as Record<string, string>;
        expect(findingOf(swapped)).toBe(opposite[findingOf(forward)] ?? findingOf(forward));
      }),
    );
  });

  test('tells significant from relevant, and better from worse', () => {
    const shifted = (ratio: number) =>
      compare([1, 2, 3, 4, 5, 6].map((number) => block(number, 100, 100 * ratio * (1 + number / 1000))));
    expect(findingOf(shifted(0.5))).toBe('better');
    expect(findingOf(shifted(2))).toBe('worse');
    expect(findingOf(shifted(1.02))).toBe('below-floor');
    const alternating = compare([1, 2, 3, 4, 5, 6].map((number) => block(number, 100, number % 2 === 0 ? 110 : 91)));
    expect(findingOf(alternating)).toBe('not-detected');
  });

  test('says when no difference could have been significant: six blocks, corrected over two metrics', () => {
    const values = [1, 2, 3, 4, 5, 6].map((number) => block(number, 100, 10 + number));
    const secondary = (id: string) =>
      compareMetric({ ...metric, id, role: 'secondary' }, { values, warnings: [] }, new Map());
    const [alone] = adjustForMultiplicity([secondary('a')]);
    const [first] = adjustForMultiplicity([secondary('a'), secondary('b')]);
    expect(alone && findingOf(alone)).toBe('better');
    expect(first?.adjustedPValue).toBe(0.0625);
    expect(first && findingOf(first)).toBe('out-of-reach');
  });

  test('gives no ratio to a value of 0, and says so', () => {
    const { ratio, pValue, warnings, after } = compare([1, 2, 3, 4, 5, 6].map((number) => block(number, 0, number)));
    expect({ ratio, pValue }).toEqual({ ratio: undefined, pValue: undefined });
    expect(warnings).toEqual(['no ratio: a value is 0 or below']);
    expect(after?.estimate).toBe(3.5);
  });
});

describe('blocks', () => {
  test('are the mean of two slots of each variant, and only complete ones count', () => {
    const evidence = syntheticEvidence();
    expect(completeBlocks(evidence.run).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
    const slots = evidence.run.slots.filter(({ id }) => id !== 'block-4-2');
    expect(completeBlocks({ ...evidence.run, slots }).map(({ number }) => number)).toEqual([1, 2, 3, 5, 6]);
  });

  test('leave out a block that lacks a sample, with a warning, and never read it as 0', () => {
    const evidence = syntheticEvidence();
    const samples = evidence.samples.filter(
      ({ slot, metric }) => slot !== 'block-3-1' || metric !== 'database_cpu_seconds',
    );
    const readings = readingsBySlot({ ...evidence, samples });
    const source = { kind: 'level', sample: 'database_cpu_seconds' } as const;
    const { values, warnings } = blockValues(completeBlocks(evidence.run), source, readings);
    expect(values.map(({ block }) => block)).toEqual([1, 2, 4, 5, 6]);
    expect(warnings).toEqual(['database_cpu_seconds was not recorded in block 3, which is left out']);
  });
});

test('a percentile is the nearest rank', () => {
  const buckets = [
    [1_000, 50],
    [2_000, 45],
    [9_000, 5],
  ] as const;
  const at = (quantile: number) => percentile(quantile, buckets);
  expect([at(0.5), at(0.51), at(0.95), at(0.951), at(1)]).toEqual(
    [0.001, 0.002, 0.002, 0.009, 0.009].map((value) => ({ value })),
  );
  expect(percentile(0.5, [])).toEqual({ missing: 'no request was recorded' });
});

describe('Holm', () => {
  test.each(holmFixtures.sets)('gives the values of R’s p.adjust for $values', ({ values, adjusted }) => {
    for (const [index, own] of holm(values).entries()) expect(own).toBeCloseTo(adjusted[index] ?? Number.NaN, 12);
  });

  test('never makes a p-value smaller, keeps their order, and does not care how they came', () => {
    const pValues = array(double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
    assert(
      property(pValues, (values) => {
        const adjusted = holm(values);
        for (const [index, own] of adjusted.entries()) {
          expect(own).toBeGreaterThanOrEqual(values[index] ?? Number.NaN);
          expect(own).toBeLessThanOrEqual(1);
          const ofSmaller = adjusted.filter((_, other) => (values[other] ?? 0) < (values[index] ?? 0));
          for (const one of ofSmaller) expect(one).toBeLessThanOrEqual(own);
        }
        expect(holm(values.toReversed())).toEqual(adjusted.toReversed());
      }),
    );
  });
});

describe('the control', () => {
  const draws = controlDraws(
    7,
    Array.from({ length: 10 }, (_, index) => index),
  );
  const random = createSeededRandom(3);
  const slots = (second: number): [number, number] => [100 * (1 + random() / 100), second * (1 + random() / 100)];
  const run = (second: number) =>
    Array.from({ length: 10 }, (_, number) => ({ block: number, before: slots(second), after: slots(second) }));

  test('is clean when a variant equals itself', () => {
    expect(controlOf(run(100), draws, 0.05)).toMatchObject({ broken: false });
  });

  test('is broken when same-variant slots differ in one direction', () => {
    const oneWay = new Map([...draws].map(([number, { variant }]) => [number, { variant, sign: 1 as const }]));
    expect(controlOf(run(120), oneWay, 0.05)).toMatchObject({ broken: true });
  });

  test('forgives what is real but smaller than half the floor', () => {
    const oneWay = new Map([...draws].map(([number, { variant }]) => [number, { variant, sign: 1 as const }]));
    const control = controlOf(run(102), oneWay, 0.05);
    expect(control?.ratio.lower).toBeGreaterThan(1);
    expect(control?.broken).toBe(false);
  });

  test('draws the same from the same seed, and both signs', () => {
    expect(controlDraws(7, [...draws.keys()])).toEqual(draws);
    expect(new Set([...draws.values()].map(({ sign }) => sign)).size).toBe(2);
  });
});

describe('the smallest detectable effect', () => {
  test('needs, for six blocks, the shift at which all six are positive in 80 of 100 runs', () => {
    // Phi(shift)^6 = 0.8: shift = 1.793.
    expect(standardShift(6)).toBeCloseTo(1.793, 1);
  });

  test('is found in 80 of 100 runs that were not used to compute it', () => {
    const random = createSeededRandom(99);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const found = Array.from({ length: 2000 }, () => {
      const { lower, upper } = locate(Array.from({ length: 10 }, () => normal() + standardShift(10)));
      return lower > 0 || upper < 0;
    }).filter(Boolean).length;
    expect(found / 2000).toBeGreaterThan(0.77);
    expect(found / 2000).toBeLessThan(0.83);
  });

  test('is none below six blocks', () => {
    expect(detectableLogRatio([1, 2, 3, 4, 5])).toBeUndefined();
  });
});

test('the CPU budget has workers where the run had some, for both variants', () => {
  const evidence = syntheticEvidence();
  const partsOf = (workerSeconds: (slot: string) => number) => {
    const workers = evidence.run.slots.map(({ id }) => ({
      slot: id,
      metric: 'worker_cpu_seconds',
      value: workerSeconds(id),
      unit: 'seconds',
      source: 'invented',
    }));
    const { budgets } = analyzeRun({ ...evidence, samples: [...evidence.samples, ...workers] });
    return budgets.map(({ parts }) => parts.find(({ part }) => part === 'worker')?.mean?.cpuSeconds);
  };
  const after = new Set(evidence.run.slots.filter(({ variant }) => variant === 'after').map(({ id }) => id));
  expect(partsOf((slot) => (after.has(slot) ? 0.5 : 0))).toEqual([0, 0.5]);
  expect(partsOf(() => 0)).toEqual([undefined, undefined]);
  expect(analyzeRun(evidence).budgets[0].parts.map(({ part }) => part)).not.toContain('worker');
});

test('the CPU budget adds up to the cores of the window', () => {
  const { budgets } = analyzeRun(syntheticEvidence());
  for (const { parts, residual, machine } of budgets) {
    const total = parts.reduce((sum, { mean }) => sum + (mean?.cpuSeconds ?? Number.NaN), 0);
    expect(total + (residual?.cpuSeconds ?? Number.NaN)).toBeCloseTo(machine?.cpuSeconds ?? Number.NaN, 9);
  }
});
