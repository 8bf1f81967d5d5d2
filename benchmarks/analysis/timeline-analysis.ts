import type { Timeline, TimelineDefinition, TimelineMark, TimelinePanel } from '../evidence/timeline-schema.ts';
import type { Series, Trial, TrialsEvidence } from '../evidence/trials-schema.ts';
import { median } from './signed-rank.ts';
import { spreadOf } from './spread.ts';
import type { Spread } from './spread.ts';

type Value = TimelinePanel['values'][number];

/** The timelines of all trials of a series, laid over each other. */
export interface SeriesTimeline {
  readonly series: Series;
  readonly intervalSeconds: number;
  /** Of the longest trial. */
  readonly seconds: number;
  readonly panels: readonly PanelTimeline[];
  readonly phases: readonly TimelinePhase[];
  /** The interval of all trials with the smallest share of served answers; undefined when all were always served. */
  readonly worst: WorstInterval | undefined;
}

export interface PanelTimeline {
  readonly panel: TimelinePanel;
  readonly lines: readonly TimelineLine[];
  /** A limit that is a trial's value stands at its median; without one it is left out. */
  readonly limits: readonly { readonly label: string; readonly at: number }[];
}

export interface TimelineLine {
  readonly value: Value;
  /** One for each interval, of the trials that have read it. */
  readonly intervals: readonly IntervalReading[];
  /** As they were read, one list for each trial. */
  readonly trials: readonly (readonly (number | null)[])[];
}

/** Undefined: no trial has read it. */
export type IntervalReading = (Spread & { readonly mean: number }) | undefined;

/** From one mark to the next, over all trials: a reading of each trial, then the spread of these. */
export interface TimelinePhase {
  readonly label: string;
  readonly isFault: boolean;
  /** Medians over the trials. */
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly answers: PhaseAnswers | undefined;
  /** By the value's id: the mean and the largest of a trial's intervals. */
  readonly means: ReadonlyMap<string, Spread>;
  readonly largest: ReadonlyMap<string, Spread>;
}

export interface PhaseAnswers {
  readonly perSecond: Spread;
  /** Of the answers, from 0 to 1. */
  readonly served: Spread;
  readonly refused: Spread;
  readonly failed: Spread;
  /** From the phase's beginning to the end of its last interval with an answer that was not served. */
  readonly allServedAfterSeconds: Spread;
  /** Trials whose phase ended with such an interval. */
  readonly restless: number;
}

export interface WorstInterval {
  readonly trial: number;
  readonly atSeconds: number;
  readonly phase: string;
  readonly servedShare: number;
}

/** In the order of the experiment's series; a series without a trial is left out. */
export function analyzeTimelines({ run, trials }: TrialsEvidence): SeriesTimeline[] {
  const { timeline, series } = run.experiment;
  if (timeline === undefined) return [];
  return series.flatMap((own) => {
    const ofSeries = trials.flatMap((trial) =>
      trial.series === own.id && trial.timeline ? [readingOf(timeline, trial, trial.timeline)] : [],
    );
    return ofSeries.length === 0 ? [] : [overTrials(timeline, own, ofSeries)];
  });
}

interface TimelineReading {
  readonly trial: Trial;
  readonly values: Timeline['values'];
  readonly intervals: number;
  readonly phases: readonly PhaseReading[];
}

interface PhaseReading {
  readonly mark: TimelineMark;
  readonly toSeconds: number;
  readonly intervals: readonly number[];
}

function readingOf(
  { intervalSeconds }: TimelineDefinition,
  trial: Trial,
  { marks, values }: Timeline,
): TimelineReading {
  const intervals = Math.max(...Object.values(values).map(({ length }) => length));
  const indexes = Array.from({ length: intervals }, (_, index) => index);
  const phases = marks.map((mark, index) => {
    const toSeconds = marks[index + 1]?.atSeconds ?? intervals * intervalSeconds;
    // An interval belongs to the phase that has its middle.
    const middle = (at: number): number => (at + 0.5) * intervalSeconds;
    return {
      mark,
      toSeconds,
      intervals: indexes.filter((at) => middle(at) >= mark.atSeconds && middle(at) < toSeconds),
    };
  });
  return { trial, values, intervals, phases };
}

function overTrials(
  definition: TimelineDefinition,
  series: Series,
  readings: readonly TimelineReading[],
): SeriesTimeline {
  const { intervalSeconds, panels } = definition;
  const intervals = Math.max(...readings.map((reading) => reading.intervals));
  const phases = Math.min(...readings.map((reading) => reading.phases.length));
  return {
    series,
    intervalSeconds,
    seconds: intervals * intervalSeconds,
    panels: panels.map((panel) => ({
      panel,
      lines: panel.values.map((value) => lineOf(value, intervals, readings)),
      limits: panel.limits.flatMap(({ label, at }) => {
        const values = typeof at === 'number' ? [at] : readings.flatMap(({ trial }) => trial.values[at] ?? []);
        return values.length === 0 ? [] : [{ label, at: median(values) }];
      }),
    })),
    phases: Array.from({ length: phases }, (_, index) => phaseOf(definition, index, readings)),
    worst: worstOf(definition, readings),
  };
}

function lineOf(value: Value, intervals: number, readings: readonly TimelineReading[]): TimelineLine {
  const trials = readings.map(({ values }) => values[value.id] ?? []);
  return {
    value,
    trials,
    intervals: Array.from({ length: intervals }, (_, index) => {
      const read = trials.flatMap((own) => own[index] ?? []);
      const spread = spreadOf(read);
      return spread && { ...spread, mean: meanOf(read) };
    }),
  };
}

function phaseOf(definition: TimelineDefinition, index: number, readings: readonly TimelineReading[]): TimelinePhase {
  const own = readings.flatMap((reading) => {
    const phase = reading.phases[index];
    return phase ? [{ reading, phase }] : [];
  });
  const ids = definition.panels.flatMap(({ form, values }) => (form === 'states' ? [] : values.map(({ id }) => id)));
  const spreads = (sumUp: (read: readonly number[]) => number): ReadonlyMap<string, Spread> =>
    new Map(
      ids.flatMap((id) => {
        const ofTrials = own.flatMap(({ reading, phase }) => {
          const read = phase.intervals.flatMap((at) => reading.values[id]?.[at] ?? []);
          return read.length === 0 ? [] : [sumUp(read)];
        });
        const spread = spreadOf(ofTrials);
        return spread ? [[id, spread] as const] : [];
      }),
    );
  const [first] = own;
  return {
    label: first?.phase.mark.label ?? '',
    isFault: first?.phase.mark.isFault ?? false,
    fromSeconds: median(own.map(({ phase }) => phase.mark.atSeconds)),
    toSeconds: median(own.map(({ phase }) => phase.toSeconds)),
    answers: answersOf(definition, own),
    means: spreads(meanOf),
    largest: spreads((read) => Math.max(...read)),
  };
}

function answersOf(
  definition: TimelineDefinition,
  own: readonly { readonly reading: TimelineReading; readonly phase: PhaseReading }[],
): PhaseAnswers | undefined {
  const { intervalSeconds } = definition;
  const ofTrials = own.flatMap(({ reading, phase }) => {
    const counted = phase.intervals.map((at) => ({ at, ...answersIn(definition, reading, at) }));
    const sum = (pick: (one: Answers) => number): number => counted.reduce((total, one) => total + pick(one), 0);
    const all = sum(allOf);
    if (all === 0) return [];
    const last = counted.findLast((one) => allOf(one) > one.served);
    const restlessUntil = last === undefined ? 0 : (last.at + 1) * intervalSeconds - phase.mark.atSeconds;
    return [
      {
        perSecond: all / counted.length,
        served: sum(({ served }) => served) / all,
        refused: sum(({ refused }) => refused) / all,
        failed: sum(({ failed }) => failed) / all,
        allServedAfterSeconds: restlessUntil,
        isRestless: last !== undefined && last.at === counted.at(-1)?.at,
      },
    ];
  });
  const spread = (name: 'perSecond' | 'served' | 'refused' | 'failed' | 'allServedAfterSeconds'): Spread | undefined =>
    spreadOf(ofTrials.map((one) => one[name]));
  const [perSecond, served, refused] = [spread('perSecond'), spread('served'), spread('refused')];
  const [failed, allServedAfterSeconds] = [spread('failed'), spread('allServedAfterSeconds')];
  if (!perSecond || !served || !refused || !failed || !allServedAfterSeconds) return undefined;
  const restless = ofTrials.filter(({ isRestless }) => isRestless).length;
  return { perSecond, served, refused, failed, allServedAfterSeconds, restless };
}

type Answers = Readonly<Record<'served' | 'refused' | 'failed', number>>;

const allOf = ({ served, refused, failed }: Answers): number => served + refused + failed;

function answersIn({ panels }: TimelineDefinition, { values }: TimelineReading, at: number): Answers {
  const sum = (kind: Value['answers']): number =>
    panels
      .flatMap((panel) => panel.values)
      .filter(({ answers }) => answers === kind)
      .reduce((total, { id }) => total + (values[id]?.[at] ?? 0), 0);
  return { served: sum('served'), refused: sum('refused'), failed: sum('failed') };
}

function worstOf(definition: TimelineDefinition, readings: readonly TimelineReading[]): WorstInterval | undefined {
  const shares = readings.flatMap((reading) =>
    reading.phases.flatMap(({ mark, intervals }) =>
      intervals.flatMap((at): WorstInterval[] => {
        const answers = answersIn(definition, reading, at);
        const share = answers.served / allOf(answers);
        const atSeconds = at * definition.intervalSeconds;
        return share < 1 ? [{ trial: reading.trial.trial, atSeconds, phase: mark.label, servedShare: share }] : [];
      }),
    ),
  );
  return shares.toSorted((a, b) => a.servedShare - b.servedShare)[0];
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
