import type { TrialsAnalysis } from '../analysis/analyze-trials.ts';
import type { RoundRatios } from '../analysis/round-ratios.ts';
import { fewInWords } from '../analysis/trials-verdict.ts';
import type { SeriesAnalysis, SeriesVerdict } from '../analysis/series-analysis.ts';
import type { Series, TrialsEvidence } from '../evidence/trials-schema.ts';

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
  const [promises, controls] = [inRole('promise'), inRole('control')];
  const words = [
    `${name}.`,
    ...(name === 'CONFIRMED' ? [] : [`${capitalised(fewInWords(reasons))}.`]),
    ...(promises.length + controls.length > mostInWords
      ? [sumInWords(promises, controls)]
      : [...promises.map(promiseInWords), ...controls.map(controlInWords)]),
    ...measuredInWords(inRole('measured')),
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
  const claimed = `${bound.relation === 'at-most' ? 'at most' : 'at least'} ${formatNumber(bound.ratio)}`;
  return [`${label}: ${formatEstimate(ratio, '')}, where ${claimed} was claimed.`];
}

function sumInWords(promises: readonly SeriesAnalysis[], controls: readonly SeriesAnalysis[]): string {
  const counted = promises.filter(({ series }) => !series.mayLose);
  const sum = (pick: (own: SeriesAnalysis) => number) =>
    formatNumber(counted.reduce((total, own) => total + pick(own), 0));
  const ofVerdict = (all: readonly SeriesAnalysis[], name: SeriesVerdict) =>
    `${all.filter(({ verdict }) => verdict === name).length} of ${all.length}`;
  const aside = counted.length < promises.length ? 'Of faults that delete no jobs themselves, ' : '';
  return [
    `${ofVerdict(promises, 'HOLDS')} promises held, ${ofVerdict(controls, 'FAILS AS IT MUST')} controls failed as they must.`,
    `${aside}${sum(({ losses }) => losses.mostCrashes)} of ${sum(({ totals }) => totals.faults)} ${aside === '' ? 'faults ' : ''}lost anything (bounds series by series); ${sum(({ totals }) => totals.lost)} of ${sum(({ totals }) => totals.accepted)} accepted jobs lost, ${sum(({ totals }) => totals.duplicates)} duplicated.`,
  ].join(' ');
}

/** Nothing was hurt, so there is no crash to bound. */
function measuredInWords(measured: readonly SeriesAnalysis[]): string[] {
  if (measured.length === 0) return [];
  const sum = (pick: (own: SeriesAnalysis) => number) =>
    formatNumber(measured.reduce((total, own) => total + pick(own), 0));
  return [
    `${sum(({ totals }) => totals.lost)} of ${sum(({ totals }) => totals.accepted)} accepted jobs lost, ${sum(({ totals }) => totals.duplicates)} duplicated.`,
  ];
}

/** `Redis Stream: 0 of 100 crashes lost anything (at most 3 % at 95 %); 0 of 200,000 accepted jobs lost, 0 duplicated.` */
function promiseInWords({ series, losses, duplicates, totals }: SeriesAnalysis): string {
  const jobs = `${formatNumber(totals.lost)} of ${formatNumber(totals.accepted)} accepted jobs lost, ${formatNumber(duplicates.jobs)} duplicated`;
  if (series.mayLose) return `${capitalised(series.label)}: the fault itself took ${jobs}.`;
  const bound = formatUpperBound(losses.boundByCrash);
  return `${capitalised(series.label)}: ${crashesInWords(losses)} crashes lost anything (at most ${bound} at 95 %); ${jobs}.`;
}

function controlInWords({ series, losses, totals, duplicates, reasons }: SeriesAnalysis): string {
  if (losses.jobs === 0) return `Control, ${series.label}: ${reasons[0]}.`;
  const twice = duplicates.jobs > 0 ? `, ${formatNumber(duplicates.jobs)} duplicated` : '';
  return `Control, ${series.label}: ${crashesInWords(losses)} crashes lost ${formatNumber(totals.lost)} of ${formatNumber(totals.accepted)} accepted jobs${twice}.`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
