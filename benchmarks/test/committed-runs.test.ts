import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { describe, expect, it } from 'vitest';

import { analyzeRun } from '../analysis/analyze-run.ts';
import { analyzeTrials } from '../analysis/analyze-trials.ts';
import { findingOf } from '../analysis/comparison.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import type { Evidence } from '../evidence/schema.ts';
import type { RunEvidence, TrialsEvidence } from '../evidence/trials-schema.ts';
import { verifyReport } from '../report/verify-report.ts';
import { runFolders } from '../run-folder.ts';

const runs = await Promise.all(
  (await runFolders()).map(async (folder) => ({
    folder,
    id: path.basename(folder),
    evidence: await readEvidence(folder),
  })),
);
const inBlocks = runs.flatMap(({ id, evidence }) => ('trials' in evidence ? [] : [{ id, evidence }]));
const inTrials = runs.flatMap(({ id, evidence }) => ('trials' in evidence ? [{ id, evidence }] : []));

it('there are runs of both protocols, or what follows says nothing', () => {
  expect(inBlocks.length).toBeGreaterThan(0);
  expect(inTrials.length).toBeGreaterThan(0);
});

it.each(runs)('$id has the report that its evidence gives: make report, make docs', async ({ folder }) => {
  expect(await verifyReport(folder)).toEqual([]);
});

it.each(runs)('$id is analysed twice to the same bits', async ({ folder, evidence }) => {
  const analysed = (own: RunEvidence) => ('trials' in own ? analyzeTrials(own) : analyzeRun(own));
  expect(isDeepStrictEqual(analysed(await readEvidence(folder)), analysed(evidence))).toBe(true);
});

/** As if the labels of the two variants had been mixed up on every slot. */
function swappedVariants({ run, ...rest }: Evidence): Evidence {
  const slots = run.slots.map((slot) => ({
    ...slot,
    variant: slot.variant === 'before' ? ('after' as const) : ('before' as const),
  }));
  return { ...rest, run: { ...run, slots } };
}

describe('with the labels of its variants swapped', () => {
  it.each(inBlocks)('$id turns every sign around', ({ evidence }) => {
    const forward = analyzeRun(evidence).comparisons;
    const back = analyzeRun(swappedVariants(evidence)).comparisons;
    const opposite: Readonly<Record<string, string>> = { better: 'worse', worse: 'better' };
    for (const [index, comparison] of forward.entries()) {
      const swapped = back[index];
      expect(swapped?.before).toEqual(comparison.after);
      expect(swapped?.adjustedPValue).toBe(comparison.adjustedPValue);
      expect(swapped && findingOf(swapped)).toBe(opposite[findingOf(comparison)] ?? findingOf(comparison));
      for (const [side, otherSide] of [
        ['estimate', 'estimate'],
        ['lower', 'upper'],
      ] as const) {
        const [one = 1, other = 1] = [comparison.ratio?.[side], swapped?.ratio?.[otherSide]];
        expect(Math.log(other)).toBeCloseTo(-Math.log(one), 9);
      }
    }
  });

  it.each(inBlocks)('$id turns its verdict around', ({ evidence }) => {
    const opposite = { CONFIRMED: 'REFUTED', REFUTED: 'CONFIRMED', INCONCLUSIVE: 'INCONCLUSIVE', INVALID: 'INVALID' };
    const { name } = analyzeRun(evidence).verdict;
    expect(analyzeRun(swappedVariants(evidence)).verdict.name).toBe(opposite[name]);
  });
});

/** As if the trials of the two series had been mixed up. */
function swappedSeries({ run, trials }: TrialsEvidence, one: string, other: string): TrialsEvidence {
  const renamed = new Map([
    [one, other],
    [other, one],
  ]);
  return { run, trials: trials.map((trial) => ({ ...trial, series: renamed.get(trial.series) ?? trial.series })) };
}

/** A control that lost jobs, and a promise to lose none. */
function opposites(evidence: TrialsEvidence): { control: string; promise: string } | undefined {
  const { series } = analyzeTrials(evidence);
  const control = series.find((own) => own.series.role === 'control' && own.totals.lost > 0);
  const promise = series.find(
    (own) => own.series.role === 'promise' && own.totals.accepted > 0 && !own.series.mayLose && own.totals.lost === 0,
  );
  return control && promise && { control: control.series.id, promise: promise.series.id };
}

describe('with two of its series swapped', () => {
  const controlled = inTrials.flatMap(({ id, evidence }) => {
    const swap = opposites(evidence);
    return swap ? [{ id, evidence, swap }] : [];
  });
  const bounded = inTrials.filter(({ evidence }) => evidence.run.experiment.comparisons.some(({ bound }) => bound));

  it('there are runs to try that with', () => {
    expect(controlled.length).toBeGreaterThan(0);
    expect(bounded.length).toBeGreaterThan(0);
  });

  it.each(controlled)('$id is not believed: the control is blind and the promise broken', ({ evidence, swap }) => {
    const { control, promise } = swap;
    const swapped = analyzeTrials(swappedSeries(evidence, control, promise));
    const verdictOf = (id: string) => swapped.series.find((own) => own.series.id === id)?.verdict;
    expect(verdictOf(control)).toBe('HARNESS IS BLIND');
    expect(verdictOf(promise)).toBe('DOES NOT HOLD');
    expect(swapped.verdict.name).toBe('INVALID');
  });

  it.each(bounded)('$id is REFUTED where a ratio was claimed', ({ evidence }) => {
    const { numerator = '', denominator = '' } =
      evidence.run.experiment.comparisons.find(({ bound }) => bound !== undefined) ?? {};
    const logRatioOf = (own: TrialsEvidence) =>
      Math.log(analyzeTrials(own).ratios.find(({ comparison: { bound } }) => bound)?.ratio?.estimate ?? Number.NaN);
    const swapped = swappedSeries(evidence, numerator, denominator);
    expect(logRatioOf(swapped)).toBeCloseTo(-logRatioOf(evidence), 9);
    expect(analyzeTrials(swapped).verdict.name).toBe('REFUTED');
  });
});
