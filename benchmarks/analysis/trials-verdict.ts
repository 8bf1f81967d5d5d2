import type { Series, TrialsRecord } from '../evidence/trials-schema.ts';

import type { RoundRatios } from './round-ratios.ts';
import type { SeriesAnalysis, SeriesVerdict } from './series-analysis.ts';
import { verdict } from './verdict.ts';
import type { Verdict } from './verdict.ts';

type Side = 'within' | 'outside' | 'both';

/**
 * INVALID: the run proves nothing, whatever it shows. REFUTED: one counter-example is enough. INCONCLUSIVE: an interval
 * on both sides of its bound, or too few rounds for one, or a series that this machine could not run. CONFIRMED: every
 * promise held, every control was caught, every bound was kept.
 */
export function judgeTrials(
  run: TrialsRecord,
  series: readonly SeriesAnalysis[],
  ratios: readonly RoundRatios[],
): Verdict {
  const invalid = invalidReasons(run, series, ratios);
  if (invalid.length > 0) return verdict('INVALID', invalid);

  const bounded = ratios.filter(({ comparison }) => comparison.bound !== undefined);
  const refuted = [
    ...ofVerdict(series, 'DOES NOT HOLD').map((own) => `${own.series.label}: ${fewInWords(own.reasons)}`),
    ...bounded
      .filter((ratios) => sideOf(ratios) === 'outside')
      .map(({ label }) => `${label} lies outside its bound with its whole interval`),
  ];
  if (refuted.length > 0) return verdict('REFUTED', refuted);

  const inconclusive = [
    ...bounded
      .filter((ratios) => sideOf(ratios) === 'both')
      .map(({ label, ratio, warnings }) =>
        ratio === undefined || warnings.length > 0
          ? `${label}: ${warnings.join('; ')}`
          : `${label} has an interval on both sides of its bound`,
      ),
    ...ofVerdict(series, 'SKIPPED').map((own) => `${own.series.label} was skipped: ${own.reasons.join('; ')}`),
  ];
  if (inconclusive.length > 0) return verdict('INCONCLUSIVE', inconclusive);
  return verdict('CONFIRMED', confirmedReasons(series, bounded));
}

function confirmedReasons(series: readonly SeriesAnalysis[], bounded: readonly RoundRatios[]): string[] {
  const inRole = (role: Series['role']) => series.filter((own) => own.series.role === role).length;
  const [promises, controls, measured] = [inRole('promise'), inRole('control'), inRole('measured')];
  return [
    ...(promises === 0 ? [] : [`${allInWords(promises, 'promise')} held`]),
    ...(controls === 0 ? [] : [`${allInWords(controls, 'control')} ${controls === 1 ? 'was' : 'were'} caught`]),
    ...(measured === 0 ? [] : [`nothing was lost or duplicated in ${measured} measured series`]),
    ...(bounded.length === 0 ? [] : ['every bounded ratio lies within its bound with its whole interval']),
  ];
}

/** `the control`, `both controls`, `all 12 controls`. */
export function allInWords(count: number, noun: string): string {
  if (count === 1) return `the ${noun}`;
  return count === 2 ? `both ${noun}s` : `all ${count} ${noun}s`;
}

function invalidReasons(
  run: TrialsRecord,
  series: readonly SeriesAnalysis[],
  ratios: readonly RoundRatios[],
): string[] {
  const missing = ratios.filter(({ comparison, missingRounds }) => comparison.bound && missingRounds.length > 0);
  return [
    ...(run.brokenBy === undefined ? [] : [`the run ended early: ${run.brokenBy}`]),
    ...run.guards.filter(({ held }) => !held).map(({ guard, observed }) => `guard ${guard} did not hold (${observed})`),
    ...series.flatMap(({ series: { label }, gaps }) => gaps.map((gap) => `${label}: ${gap}`)),
    ...ofVerdict(series, 'HARNESS IS BLIND').map(
      (own) => `the control ${own.series.label} was not caught, so the harness is blind`,
    ),
    ...missing.map(({ label, missingRounds }) => `${label} is missing in ${missingRounds.length} rounds`),
  ];
}

/** Where the interval lies; `both` as well when there are too few rounds for its confidence. */
function sideOf({ comparison: { bound }, ratio, warnings }: RoundRatios): Side {
  if (bound === undefined || ratio === undefined || warnings.length > 0) return 'both';
  const { relation, ratio: limit } = bound;
  if (relation === 'at-most' ? ratio.upper <= limit : ratio.lower >= limit) return 'within';
  return (relation === 'at-most' ? ratio.lower > limit : ratio.upper < limit) ? 'outside' : 'both';
}

function ofVerdict(series: readonly SeriesAnalysis[], name: SeriesVerdict): SeriesAnalysis[] {
  return series.filter((own) => own.verdict === name);
}

/** Up to three, and how many more there are. */
export function fewInWords(reasons: readonly string[]): string {
  const shown = reasons.slice(0, 3).join('; ');
  return reasons.length > 3 ? `${shown}; and ${reasons.length - 3} more` : shown;
}
