import type { Evidence } from '../evidence/schema.ts';

import { blockValues, completeBlocks } from './blocks.ts';
import { adjustForMultiplicity, compareMetric } from './comparison.ts';
import type { Comparison } from './comparison.ts';
import { controlDraws } from './control.ts';
import { cpuBudget } from './cpu-budget.ts';
import type { CpuBudget } from './cpu-budget.ts';
import { readingsBySlot } from './metric-value.ts';
import type { SlotReadings } from './metric-value.ts';
import { judge } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/** All that a report says, computed from the evidence alone. */
export interface Analysis {
  /** In the order of the experiment's metrics. */
  readonly comparisons: readonly Comparison[];
  /** The one that the claim is about. */
  readonly primary: Comparison;
  readonly verdict: Verdict;
  readonly budgets: readonly [CpuBudget, CpuBudget];
  readonly readings: ReadonlyMap<string, SlotReadings>;
}

/** Pure: the same evidence gives the same numbers, to the last bit. Throws for a claim without its metric. */
export function analyzeRun(evidence: Evidence): Analysis {
  const { run } = evidence;
  const readings = readingsBySlot(evidence);
  const blocks = completeBlocks(run);
  const draws = controlDraws(
    run.seed,
    blocks.map(({ number }) => number),
  );
  const comparisons = adjustForMultiplicity(
    run.experiment.metrics.map((metric) => compareMetric(metric, blockValues(blocks, metric.source, readings), draws)),
  );
  const primary = comparisons.find(({ metric }) => metric.id === run.experiment.claim.metric);
  if (primary === undefined) throw new Error(`claim names metric "${run.experiment.claim.metric}": define it`);
  return {
    comparisons,
    primary,
    verdict: judge(run, primary, blocks.length),
    budgets: [cpuBudget(run, readings, 'before'), cpuBudget(run, readings, 'after')],
    readings,
  };
}
