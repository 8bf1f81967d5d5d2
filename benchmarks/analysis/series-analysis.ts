import type { Reads, Series, Trial, TrialsEvidence } from '../evidence/trials-schema.ts';

import { crashLosses } from './crash-losses.ts';
import type { CrashLosses } from './crash-losses.ts';
import { spreadOf } from './spread.ts';
import type { Spread } from './spread.ts';

/** INCOMPLETE: trials are missing or met nothing, so that neither a promise nor a control has been shown. */
export type SeriesVerdict =
  'HOLDS' | 'DOES NOT HOLD' | 'FAILS AS IT MUST' | 'HARNESS IS BLIND' | 'INCOMPLETE' | 'SKIPPED';

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
  /** Of a promise what broke it, of a control what it showed; else why it could not be shown. */
  readonly reasons: readonly string[];
  /** Why the trials prove nothing. */
  readonly gaps: readonly string[];
}

export function analyzeSeries({ run, trials }: TrialsEvidence, series: Series): SeriesAnalysis {
  const own = trials.filter((trial) => trial.series === series.id).toSorted((a, b) => a.trial - b.trial);
  const skipped = run.skipped.find((skip) => skip.series === series.id);
  const losses = crashLosses(own, ({ lost }) => lost);
  const duplicates = crashLosses(own, (trial) => trial.duplicates);
  const totals = totalsOf(own);
  const gaps = skipped ? [] : gapsOf(series, own, totals);
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

/** What a promise and a measured series must not show, and a control must. */
function failuresOf({ mayLose }: Series, trials: readonly Trial[], totals: Record<Count, number>): string[] {
  const where = (count: 'lost' | 'duplicates') =>
    numbersInWords(trials.filter((trial) => trial[count] > 0).map(({ trial }) => trial));
  const grouped = (value: number) => value.toLocaleString('en-US');
  return [
    ...(totals.lost > 0 && !mayLose
      ? [`${grouped(totals.lost)} of ${grouped(totals.accepted)} accepted jobs lost (${where('lost')})`]
      : []),
    ...(totals.duplicates > 0
      ? [`${grouped(totals.duplicates)} duplicate${totals.duplicates === 1 ? '' : 's'} (${where('duplicates')})`]
      : []),
    ...readFailures(readsOf(trials)),
    ...trials.flatMap(({ trial, problems }) => problems.map((problem) => `trial ${trial}: ${problem}`)),
  ];
}

function readFailures(reads: Reads | undefined): string[] {
  if (!reads) return [];
  const asked = reads.asked.toLocaleString('en-US');
  return [
    ...(reads.wrong > 0
      ? [`${reads.wrong.toLocaleString('en-US')} of ${asked} reads not answered as they must be`]
      : []),
    ...(reads.stale > 0
      ? [`${reads.stale.toLocaleString('en-US')} of ${asked} reads answered with an older version`]
      : []),
  ];
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
  { role, subject }: Series,
  { skipped, failures, gaps }: { skipped: string | undefined; failures: readonly string[]; gaps: readonly string[] },
): Pick<SeriesAnalysis, 'verdict' | 'reasons'> {
  if (skipped !== undefined) return { verdict: 'SKIPPED', reasons: [skipped] };
  if (failures.length > 0) {
    return { verdict: role === 'control' ? 'FAILS AS IT MUST' : 'DOES NOT HOLD', reasons: failures };
  }
  if (gaps.length > 0) return { verdict: 'INCOMPLETE', reasons: gaps };
  return role === 'control'
    ? {
        verdict: 'HARNESS IS BLIND',
        reasons: [
          `nothing was ${subject === 'reads' ? 'wrong or stale' : 'lost or duplicated'}, and no problem was seen`,
        ],
      }
    : { verdict: 'HOLDS', reasons: [] };
}

/** `trial 2`, `trials 1, 2, 3, 4, 5 and 7 more`. */
function numbersInWords(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 5).join(', ');
  const more = numbers.length > 5 ? ` and ${numbers.length - 5} more` : '';
  return `trial${numbers.length === 1 ? '' : 's'} ${shown}${more}`;
}
