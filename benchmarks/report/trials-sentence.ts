import type { TrialsAnalysis } from '../analysis/analyze-trials.ts';
import type { RoundRatios } from '../analysis/round-ratios.ts';
import type { SeriesAnalysis, SeriesVerdict } from '../analysis/series-analysis.ts';
import { fewInWords } from '../analysis/trials-verdict.ts';
import type { Series, SeriesComparison, TrialsEvidence } from '../evidence/trials-schema.ts';

import { crashesInWords } from './fault-table.ts';
import { formatEstimate, formatNumber, formatQuantity, formatUpperBound } from './formats.ts';

/** More promises and controls than this are summed up; each stands in the table. */
const mostInWords = 3;
/** As many of those that the sentence sums up can be told one by one below it. */
const mostListed = 6;

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

/** What the sentence has summed up, series by series, where they are few. Empty for an invalid run. */
export function foundInWords({ series, verdict }: TrialsAnalysis): string[] {
  const told = series.filter((own) => own.verdict !== 'SKIPPED' && own.series.role !== 'measured');
  if (verdict.name === 'INVALID' || told.length <= mostInWords || told.length > mostListed) return [];
  return told.map((own) => {
    const { role, label } = own.series;
    const first = role === 'control' ? own.reasons[0] : undefined;
    const recovered =
      role === 'promise' && own.recovery ? ` Back in order within ${formatQuantity(own.recovery.largest, 's')}.` : '';
    const what = role === 'control' ? `${label.replace(/^control: /, '')}, wrong on purpose` : label;
    return `${what}: ${first === undefined ? countsInWords(own) : `${first}.`}${recovered}`;
  });
}

function invalidInWords(reasons: readonly string[], series: readonly SeriesAnalysis[]): string {
  const broken = series.filter(({ verdict }) => verdict === 'DOES NOT HOLD');
  const seen = broken.map((own) => `${own.series.label}: ${fewInWords(own.reasons)}`);
  return [
    `INVALID. This run proves nothing: ${fewInWords(reasons)}.`,
    ...(seen.length === 0 ? [] : [`What it saw all the same: ${fewInWords(seen)}.`]),
  ].join(' ');
}

/** `Jobs per second, 4 workers over 1 worker: 2.1 [1.9, 2.4] times, where at least 1.5 was claimed.` */
function ratioInWords({ comparison: { bound }, label, ratio }: RoundRatios): string[] {
  if (ratio === undefined) return [];
  const claimed = bound === undefined ? '' : `, where ${claimedInWords(bound)} was claimed`;
  return [`${label}: ${formatEstimate(ratio, '')} times${claimed}.`];
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
    `${ofVerdict(promises, 'HOLDS')} promises held, ${ofVerdict(controls, 'CAUGHT')} controls, wrong on purpose, were caught.`,
    ...(counted.length > 0 ? [`${lossy} (bounds series by series); ${jobsInWords(counted)}.`] : []),
    ...readsInWords(promises),
  ].join(' ');
}

/** Of one series, without a bound: `Of 47,024 reads …`, `0 of 20,000 accepted jobs lost, 0 duplicated.` */
export function countsInWords(own: SeriesAnalysis): string {
  return own.series.subject === 'reads' ? readsInWords([own]).join('') : `${jobsInWords([own])}.`;
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

/** `Redis Stream: 0 of 100 crashes, with 40,000 jobs in flight, lost anything (at most 3 % at 95 %); 0 of 200,000 …` */
function promiseInWords(own: SeriesAnalysis): string {
  const { series, losses } = own;
  if (series.subject === 'reads') return [`${series.label}:`, ...readsInWords([own])].join(' ');
  if (series.mayLose) return `${series.label}: the fault itself took ${jobsInWords([own])}.`;
  const bound = formatUpperBound(losses.boundByCrash);
  return `${series.label}: ${crashesInWords(losses)} crashes, ${inFlightInWords(own)}, lost anything (at most ${bound} at 95 %); ${jobsInWords([own])}.`;
}

function controlInWords(own: SeriesAnalysis): string {
  const { series, losses, totals, duplicates, reasons } = own;
  if (losses.jobs === 0) return `Control, ${series.label}: ${fewInWords(reasons)}.`;
  const twice = duplicates.jobs > 0 ? `, ${formatNumber(duplicates.jobs)} duplicated` : '';
  return `Control, ${series.label}: ${crashesInWords(losses)} crashes, ${inFlightInWords(own)}, lost ${formatNumber(totals.lost)} of ${formatNumber(totals.accepted)} accepted jobs${twice}.`;
}

/** Summed over the crashes: what each of them could have taken. */
function inFlightInWords({ totals }: SeriesAnalysis): string {
  return `with ${formatNumber(totals.inFlight)} jobs in flight`;
}
