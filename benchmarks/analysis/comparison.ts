import type { MetricDefinition } from '../evidence/schema.ts';

import { logRatio, meanOfTwo } from './blocks.ts';
import type { BlockValues } from './blocks.ts';
import { controlOf, exponential } from './control.ts';
import type { Control, ControlDraw } from './control.ts';
import { detectableLogRatio } from './detectable-effect.ts';
import { holm } from './holm.ts';
import { locate, signedRankPValue } from './signed-rank.ts';
import type { Location } from './signed-rank.ts';

/** One metric, before against after. What could not be computed is undefined, with the reason in `warnings`. */
export interface Comparison {
  readonly metric: MetricDefinition;
  readonly values: readonly BlockValues[];
  /** In the metric's unit. */
  readonly before?: Location;
  readonly after?: Location;
  /** after / before. */
  readonly ratio?: Location;
  /** Only where the metric is tested. Adjusted by Holm among the secondary metrics; the primary stands alone. */
  readonly pValue?: number;
  readonly adjustedPValue?: number;
  /** The smallest adjusted p-value that this number of blocks and metrics can give at all. */
  readonly smallestAdjustedPValue?: number;
  /** The smallest relative change that this run would have seen in 80 of 100 runs; 0.05 is 5 %. */
  readonly smallestDetectable?: number;
  readonly control?: Control;
  readonly warnings: readonly string[];
}

/**
 * Two questions: is there a difference (significant), and does it matter (relevant). `out-of-reach`: too few
 * blocks for this number of metrics, so that no difference, however large, could have been significant.
 */
export type Finding = 'better' | 'worse' | 'different' | 'below-floor' | 'not-detected' | 'out-of-reach' | 'not-tested';

const significance = 0.05;

/** One metric alone; `adjustedPValue` comes with `adjustForMultiplicity`. */
export function compareMetric(
  metric: MetricDefinition,
  { values, warnings }: { values: readonly BlockValues[]; warnings: readonly string[] },
  draws: ReadonlyMap<number, ControlDraw>,
): Comparison {
  if (values.length === 0) return { metric, values, warnings };
  const before = locate(values.map((value) => meanOfTwo(value.before)));
  const after = locate(values.map((value) => meanOfTwo(value.after)));
  const logRatios = values.flatMap((value) => logRatio(value) ?? []);
  if (logRatios.length < values.length) {
    const noRatio = 'no ratio: a value is 0 or below';
    return { metric, values, before, after, warnings: [...warnings, ...before.warnings, noRatio] };
  }
  const ratio = exponential(locate(logRatios));
  const detectable = detectableLogRatio(logRatios);
  const control = metric.floor === undefined ? undefined : controlOf(values, draws, metric.floor);
  return {
    metric,
    values,
    before,
    after,
    ratio,
    ...(metric.role !== 'shown' && { pValue: signedRankPValue(logRatios) }),
    ...(detectable !== undefined && { smallestDetectable: Math.expm1(detectable) }),
    ...(control && { control }),
    warnings: [...warnings, ...ratio.warnings],
  };
}

/** Holm over the secondary metrics that have a p-value. */
export function adjustForMultiplicity(comparisons: readonly Comparison[]): Comparison[] {
  const secondary = comparisons.filter(({ metric, pValue }) => metric.role === 'secondary' && pValue !== undefined);
  const adjusted = holm(secondary.map(({ pValue }) => pValue ?? 1));
  return comparisons.map((comparison) => {
    const index = secondary.indexOf(comparison);
    const adjustedPValue = index === -1 ? comparison.pValue : adjusted[index];
    if (adjustedPValue === undefined) return comparison;
    const metrics = index === -1 ? 1 : secondary.length;
    const smallestAdjustedPValue = Math.min(1, (metrics * 2) / 2 ** comparison.values.length);
    return { ...comparison, adjustedPValue, smallestAdjustedPValue };
  });
}

export function findingOf({ metric, ratio, adjustedPValue, smallestAdjustedPValue = 0 }: Comparison): Finding {
  if (ratio === undefined || adjustedPValue === undefined) return 'not-tested';
  if (smallestAdjustedPValue > significance) return 'out-of-reach';
  if (adjustedPValue > significance) return 'not-detected';
  if (Math.abs(Math.log(ratio.estimate)) < Math.log1p(metric.floor ?? 0)) return 'below-floor';
  if (metric.better === 'neither') return 'different';
  return ratio.estimate < 1 === (metric.better === 'lower') ? 'better' : 'worse';
}
