import type { BrokenTrial, MustShow, Reads, Series, Trial, TrialsEvidence } from '../evidence/trials-schema.ts';

import { crashLosses } from './crash-losses.ts';
import type { CrashLosses } from './crash-losses.ts';
import { spreadOf } from './spread.ts';
import type { Spread } from './spread.ts';

/**
 * HOLDS or not: of a promise. CAUGHT: a control, wrong on purpose, did the harm that it must, and the harness saw it; else
 * the HARNESS IS BLIND. INCOMPLETE: trials are missing or met nothing, so that neither has been shown.
 */
export type SeriesVerdict = 'HOLDS' | 'DOES NOT HOLD' | 'CAUGHT' | 'HARNESS IS BLIND' | 'INCOMPLETE' | 'SKIPPED';

type Count =
  'faults' | 'idleFaults' | 'inFlight' | 'offered' | 'accepted' | 'stored' | 'deadLettered' | 'lost' | 'duplicates';

/** One series over all of its trials. */
export interface SeriesAnalysis {
  readonly series: Series;
  /** By number. */
  readonly trials: readonly Trial[];
  /** Each count of a trial, summed. */
  readonly totals: Readonly<Record<Count, number>>;
  /** Of a series about reads: each count of a trial, summed, and the slowest of all. */
  readonly reads: Reads | undefined;
  readonly losses: CrashLosses;
  readonly duplicates: CrashLosses;
  /** In seconds; undefined when no recovery was recorded. */
  readonly recovery: Spread | undefined;
  /** By the value's id; what no trial has recorded is not there. */
  readonly values: ReadonlyMap<string, Spread>;
  readonly verdict: SeriesVerdict;
  /** Of a promise what broke it, of a control what it showed, what it must first; else why it could not be shown. */
  readonly reasons: readonly string[];
  /** Why the trials prove nothing. */
  readonly gaps: readonly string[];
  /** Of trials that count: why they broke when they were run before. */
  readonly brokenOnce: readonly string[];
}

export function analyzeSeries({ run, trials }: TrialsEvidence, series: Series): SeriesAnalysis {
  const own = trials.filter((trial) => trial.series === series.id).toSorted((a, b) => a.trial - b.trial);
  const skipped = run.skipped.find((skip) => skip.series === series.id);
  const losses = crashLosses(own, ({ lost }) => lost);
  const duplicates = crashLosses(own, (trial) => trial.duplicates);
  const totals = totalsOf(own);
  const broken = (run.broken ?? []).filter((one) => one.series === series.id);
  const counts = ({ trial }: BrokenTrial) => own.some((one) => one.trial === trial);
  const missing = broken.filter((one) => !counts(one)).map(({ trial, reason }) => `trial ${trial} broke: ${reason}`);
  const gaps = skipped ? [] : [...gapsOf(series, own, totals), ...missing];
  const failures = failuresOf(series, own, totals);
  return {
    series,
    trials: own,
    totals,
    reads: readsOf(own),
    losses,
    duplicates,
    recovery: spreadOf(own.flatMap(({ recoverySeconds }) => recoverySeconds)),
    values: valuesOf(own),
    gaps,
    brokenOnce: broken.filter(counts).map(({ trial, reason }) => `trial ${trial} broke once: ${reason}`),
    ...verdictOf(series, { skipped: skipped?.reason, failures, gaps }),
  };
}

function totalsOf(trials: readonly Trial[]): Record<Count, number> {
  const sum = (count: Count) => trials.reduce((total, trial) => total + trial[count], 0);
  return {
    faults: sum('faults'),
    idleFaults: sum('idleFaults'),
    inFlight: sum('inFlight'),
    offered: sum('offered'),
    accepted: sum('accepted'),
    stored: sum('stored'),
    deadLettered: sum('deadLettered'),
    lost: sum('lost'),
    duplicates: sum('duplicates'),
  };
}

function readsOf(trials: readonly Trial[]): Reads | undefined {
  const all = trials.flatMap(({ reads }) => reads ?? []);
  if (all.length === 0) return undefined;
  const sum = (count: Exclude<keyof Reads, 'slowestSeconds'>) => all.reduce((total, reads) => total + reads[count], 0);
  return {
    asked: sum('asked'),
    answered: sum('answered'),
    refused: sum('refused'),
    wrong: sum('wrong'),
    stale: sum('stale'),
    slowestSeconds: Math.max(...all.map(({ slowestSeconds }) => slowestSeconds)),
  };
}

function valuesOf(trials: readonly Trial[]): ReadonlyMap<string, Spread> {
  const ids = new Set(trials.flatMap(({ values }) => Object.keys(values)));
  const spreads = [...ids].map((id) => [id, spreadOf(trials.flatMap(({ values }) => values[id] ?? []))] as const);
  return new Map(spreads.flatMap(([id, spread]) => (spread ? [[id, spread] as const] : [])));
}

/** Something that a promise and a measured series must not show, and that a control may have to. */
interface Failure {
  readonly kind: Exclude<MustShow, object> | 'problem';
  readonly text: string;
}

function failuresOf({ mayLose }: Series, trials: readonly Trial[], totals: Record<Count, number>): Failure[] {
  const where = (count: 'lost' | 'duplicates') =>
    numbersInWords(trials.filter((trial) => trial[count] > 0).map(({ trial }) => trial));
  const { lost, accepted, duplicates } = totals;
  return [
    ...countFailure('lost', mayLose ? 0 : lost, `of ${grouped(accepted)} accepted jobs lost (${where('lost')})`),
    ...countFailure('duplicates', duplicates, `duplicate${duplicates === 1 ? '' : 's'} (${where('duplicates')})`),
    ...readFailures(readsOf(trials)),
    ...trials.flatMap(({ trial, problems }) =>
      problems.map((problem) => ({ kind: 'problem', text: `trial ${trial}: ${problem}` }) as const),
    ),
  ];
}

function readFailures(reads: Reads | undefined): Failure[] {
  if (!reads) return [];
  const ofReads = `of ${grouped(reads.asked)} reads`;
  return [
    ...countFailure('wrong', reads.wrong, `${ofReads} not answered as they must be`),
    ...countFailure('stale', reads.stale, `${ofReads} answered with an older version`),
  ];
}

function countFailure(kind: Failure['kind'], count: number, what: string): Failure[] {
  return count > 0 ? [{ kind, text: `${grouped(count)} ${what}` }] : [];
}

const grouped = (value: number): string => value.toLocaleString('en-US');

function isWhatMustShow(mustShow: MustShow | undefined, { kind, text }: Failure): boolean {
  if (mustShow === undefined) return true;
  return typeof mustShow === 'string' ? kind === mustShow : kind === 'problem' && text.includes(mustShow.problem);
}

function gapsOf(series: Series, trials: readonly Trial[], totals: Record<Count, number>): string[] {
  return [
    ...(trials.length === series.trials ? [] : [`${trials.length} of ${series.trials} trials are there`]),
    ...(totals.faults === 0 && series.role !== 'measured'
      ? [`no fault met work in flight (${totals.idleFaults} met none)`]
      : []),
    ...nothingAsked(series, trials, totals),
  ];
}

function nothingAsked({ subject }: Series, trials: readonly Trial[], { accepted }: Record<Count, number>): string[] {
  if (subject === 'reads') return readsOf(trials)?.asked ? [] : ['no read was asked'];
  return accepted === 0 ? ['no job was accepted'] : [];
}

function verdictOf(
  series: Series,
  { skipped, failures, gaps }: { skipped: string | undefined; failures: readonly Failure[]; gaps: readonly string[] },
): Pick<SeriesAnalysis, 'verdict' | 'reasons'> {
  if (skipped !== undefined) return { verdict: 'SKIPPED', reasons: [skipped] };
  const texts = failures.map(({ text }) => text);
  if (series.role !== 'control') {
    if (failures.length > 0) return { verdict: 'DOES NOT HOLD', reasons: texts };
    return gaps.length > 0 ? { verdict: 'INCOMPLETE', reasons: gaps } : { verdict: 'HOLDS', reasons: [] };
  }
  const shown = failures.filter((failure) => isWhatMustShow(series.mustShow, failure)).map(({ text }) => text);
  if (shown.length > 0) {
    return { verdict: 'CAUGHT', reasons: [...shown, ...texts.filter((text) => !shown.includes(text))] };
  }
  if (gaps.length > 0) return { verdict: 'INCOMPLETE', reasons: [...gaps, ...texts] };
  return { verdict: 'HARNESS IS BLIND', reasons: [nothingShown(series), ...texts] };
}

function nothingShown({ mustShow, subject }: Series): string {
  if (typeof mustShow === 'object') return `no problem with the words "${mustShow.problem}" was seen`;
  if (mustShow !== undefined) return `nothing was ${mustShow === 'duplicates' ? 'duplicated' : mustShow}`;
  return `nothing was ${subject === 'reads' ? 'wrong or stale' : 'lost or duplicated'}, and no problem was seen`;
}

/** `trial 2`, `trials 1, 2, 3, 4, 5 and 7 more`. */
function numbersInWords(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 5).join(', ');
  const more = numbers.length > 5 ? ` and ${numbers.length - 5} more` : '';
  return `trial${numbers.length === 1 ? '' : 's'} ${shown}${more}`;
}
