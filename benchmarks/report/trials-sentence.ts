import type { TrialsAnalysis } from '../analysis/analyze-trials.ts';
import type { RoundRatios } from '../analysis/round-ratios.ts';
import type { SeriesAnalysis, SeriesVerdict } from '../analysis/series-analysis.ts';
import { fewInWords } from '../analysis/trials-verdict.ts';
import type { Series, SeriesComparison, TrialsEvidence } from '../evidence/trials-schema.ts';

import { crashesInWords } from './fault-table.ts';
import { formatEstimate, formatNumber, formatUpperBound } from './formats.ts';

/** More promises and controls than this are summed up; each stands in the table. */
const mostInWords = 3;

/** The verdict in words, with its numbers; an invalid run gives its reasons and no number. */
export function trialsSentence({ run }: TrialsEvidence, { series, ratios, verdict }: TrialsAnalysis): string {
  const { name, reasons } = verdict;
  if (name === 'INVALID') return invalidInWords(reasons, series);
  const inRole = (role: Series['role']) =>
    series.filter((own) => own.verdict !== 'SKIPPED' && own.series.role === role);
  const [promises, controls, measured] = [inRole('promise'), inRole('control'), inRole('measured')];
  const words = [
    `${name}.`,
    ...(name === 'CONFIRMED' ? [] : [`${fewInWords(reasons)}.`]),
    ...(promises.length + controls.length > mostInWords
      ? [sumInWords(promises, controls)]
      : [...promises.map(promiseInWords), ...controls.map(controlInWords)]),
    ...(measured.length === 0 ? [] : [`${jobsInWords(measured)}.`]),
    ...ratios.flatMap(ratioInWords),
    `(${run.profile.name} profile${run.profile.name === 'quick' ? ': a first look' : ''}.)`,
  ];
  return words.join(' ');
}

function invalidInWords(reasons: readonly string[], series: readonly SeriesAnalysis[]): string {
  const broken = series.filter(({ verdict }) => verdict === 'DOES NOT HOLD');
  const seen = broken.map((own) => `${own.series.label}: ${fewInWords(own.reasons)}`);
  return [
    `INVALID. This run proves nothing: ${fewInWords(reasons)}.`,
    ...(seen.length === 0 ? [] : [`What it saw all the same: ${fewInWords(seen)}.`]),
  ].join(' ');
}

/** `Jobs per second, 4 workers over 1 worker: 2.1 [1.9, 2.4], where at least 1.5 was claimed.` */
function ratioInWords({ comparison, label, ratio }: RoundRatios): string[] {
  const { bound } = comparison;
  if (bound === undefined || ratio === undefined) return [];
  return [`${label}: ${formatEstimate(ratio, '')}, where ${claimedInWords(bound)} was claimed.`];
}

/** `at least 1.50`. */
export function claimedInWords({ relation, ratio }: NonNullable<SeriesComparison['bound']>): string {
  return `${relation === 'at-most' ? 'at most' : 'at least'} ${formatNumber(ratio)}`;
}

function sumInWords(promises: readonly SeriesAnalysis[], controls: readonly SeriesAnalysis[]): string {
  const jobs = promises.filter(({ series }) => series.subject !== 'reads');
  const counted = jobs.filter(({ series }) => !series.mayLose);
  const crashes = crashesInWords({
    fewestCrashes: sumOf(counted, ({ losses }) => losses.fewestCrashes),
    mostCrashes: sumOf(counted, ({ losses }) => losses.mostCrashes),
    crashes: sumOf(counted, ({ losses }) => losses.crashes),
  });
  const ofVerdict = (all: readonly SeriesAnalysis[], name: SeriesVerdict) =>
    `${all.filter(({ verdict }) => verdict === name).length} of ${all.length}`;
  const lossy =
    counted.length < jobs.length
      ? `Of faults that delete no jobs themselves, ${crashes} lost anything`
      : `${crashes} faults lost anything`;
  return [
    `${ofVerdict(promises, 'HOLDS')} promises held, ${ofVerdict(controls, 'FAILS AS IT MUST')} controls failed as they must.`,
    ...(counted.length > 0 ? [`${lossy} (bounds series by series); ${jobsInWords(counted)}.`] : []),
    ...readsInWords(promises),
  ].join(' ');
}

/** `Of 20,000 reads 19,000 answered, 1,000 refused, 0 wrong, 0 stale.` */
function readsInWords(series: readonly SeriesAnalysis[]): string[] {
  const sum = (count: 'asked' | 'answered' | 'refused' | 'wrong' | 'stale') =>
    formatNumber(sumOf(series, ({ reads }) => reads?.[count] ?? 0));
  if (!series.some(({ reads }) => reads)) return [];
  return [
    `Of ${sum('asked')} reads ${sum('answered')} answered, ${sum('refused')} refused, ${sum('wrong')} wrong, ${sum('stale')} stale.`,
  ];
}

/** `0 of 200,000 accepted jobs lost, 0 duplicated`. */
function jobsInWords(series: readonly SeriesAnalysis[]): string {
  const sum = (count: 'lost' | 'accepted' | 'duplicates') => formatNumber(sumOf(series, ({ totals }) => totals[count]));
  return `${sum('lost')} of ${sum('accepted')} accepted jobs lost, ${sum('duplicates')} duplicated`;
}

function sumOf(series: readonly SeriesAnalysis[], pick: (own: SeriesAnalysis) => number): number {
  return series.reduce((total, own) => total + pick(own), 0);
}

/** `Redis Stream: 0 of 100 crashes lost anything (at most 3 % at 95 %); 0 of 200,000 accepted jobs lost, 0 duplicated.` */
function promiseInWords(own: SeriesAnalysis): string {
  const { series, losses } = own;
  if (series.subject === 'reads') return [`${series.label}:`, ...readsInWords([own])].join(' ');
  if (series.mayLose) return `${series.label}: the fault itself took ${jobsInWords([own])}.`;
  const bound = formatUpperBound(losses.boundByCrash);
  return `${series.label}: ${crashesInWords(losses)} crashes lost anything (at most ${bound} at 95 %); ${jobsInWords([own])}.`;
}

function controlInWords({ series, losses, totals, duplicates, reasons }: SeriesAnalysis): string {
  if (losses.jobs === 0) return `Control, ${series.label}: ${fewInWords(reasons)}.`;
  const twice = duplicates.jobs > 0 ? `, ${formatNumber(duplicates.jobs)} duplicated` : '';
  return `Control, ${series.label}: ${crashesInWords(losses)} crashes lost ${formatNumber(totals.lost)} of ${formatNumber(totals.accepted)} accepted jobs${twice}.`;
}
