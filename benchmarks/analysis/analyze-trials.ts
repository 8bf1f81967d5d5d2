import type { TrialsEvidence } from '../evidence/trials-schema.ts';

import { diagnosePools } from './pool-holders.ts';
import type { PoolDiagnosis } from './pool-holders.ts';
import { roundRatios } from './round-ratios.ts';
import type { RoundRatios } from './round-ratios.ts';
import { analyzeSeries } from './series-analysis.ts';
import type { SeriesAnalysis } from './series-analysis.ts';
import { analyzeTimelines } from './timeline-analysis.ts';
import type { SeriesTimeline } from './timeline-analysis.ts';
import { judgeTrials } from './trials-verdict.ts';
import type { Verdict } from './verdict.ts';

/** All that a report of trials says, computed from the evidence alone. */
export interface TrialsAnalysis {
  /** In the order of the experiment's series. */
  readonly series: readonly SeriesAnalysis[];
  /** In the order of the experiment's comparisons. */
  readonly ratios: readonly RoundRatios[];
  /** Empty where the experiment defines none. */
  readonly timelines: readonly SeriesTimeline[];
  /** Of the series that have recorded who held their pool. */
  readonly pools: readonly PoolDiagnosis[];
  readonly verdict: Verdict;
}

/** Pure: the same evidence gives the same numbers, to the last bit. Evidence of a run that goes on may be given. */
export function analyzeTrials(evidence: TrialsEvidence): TrialsAnalysis {
  const { run } = evidence;
  const series = run.experiment.series.map((own) => analyzeSeries(evidence, own));
  const ratios = run.experiment.comparisons.map((comparison) => roundRatios(evidence, comparison));
  return {
    series,
    ratios,
    timelines: analyzeTimelines(evidence),
    pools: diagnosePools(evidence),
    verdict: judgeTrials(run, series, ratios),
  };
}
