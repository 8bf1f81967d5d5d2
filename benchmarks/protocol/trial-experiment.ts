import type { PreparedContainers } from '../environments/container-stacks.ts';
import type { PartSettings } from '../evidence/part-settings.ts';
import type { RunFrame } from '../evidence/schema.ts';
import type { TimelineDefinition } from '../evidence/timeline-schema.ts';
import type { MustShow, Series, SeriesComparison, Trial, ValueDefinition } from '../evidence/trials-schema.ts';
import type { ProfileName } from './experiment.ts';

/** What a trial reports; the protocol adds series, number and time. */
export type TrialOutcome = Omit<Trial, 'series' | 'trial' | 'startedAt' | 'seconds'>;

export interface TrialContext {
  /** From 1. */
  readonly trial: number;
  /** Uniform in [0, 1), from the run's seed, the series and the trial alone: a resumed run draws the same numbers. */
  readonly random: () => number;
  /** What is happening, for the progress display. */
  step(text: string): void;
  readonly signal: AbortSignal;
}

/** A series while it is running: a stage that is up. `close` takes everything down, in any state. */
export interface OpenSeries {
  /** What the parts of its stage run with. */
  readonly settings?: readonly PartSettings[];
  /** Leaves the stage fit for the next trial: whatever it broke, it has mended, also when it rejects. */
  runTrial(context: TrialContext): Promise<TrialOutcome>;
  close(): Promise<void>;
}

export interface SeriesRequest {
  readonly profile: ProfileName;
  readonly database: RunFrame['database'];
  /** Uniform in [0, 1), from the run's seed and the series. */
  readonly random: () => number;
  /** The stage is to be made of these; of processes when it is absent. */
  readonly containers?: PreparedContainers | undefined;
  step(text: string): void;
  readonly signal: AbortSignal;
}

/** A control names what it is wrong on purpose to show. */
export type RoleOfSeries =
  | { readonly role: Exclude<Series['role'], 'control'>; readonly mustShow?: never }
  | { readonly role: 'control'; readonly mustShow: MustShow };

export type SeriesDefinition = Omit<Series, 'trials' | 'role' | 'mustShow'> &
  RoleOfSeries & {
    readonly trials: Readonly<Record<ProfileName, number>>;
    /** Why this machine or database can't run it, with the remedy; `undefined` when it can. */
    unavailable?(request: Pick<SeriesRequest, 'database'>): Promise<string | undefined>;
    open(request: SeriesRequest): Promise<OpenSeries>;
  };

/**
 * One claim about faults: series of trials. `interleaved`: trial 1 of every series in a seeded order, then trial 2, …;
 * all stages are up at once. `one-by-one`: a series after the other, or `concurrency` of them at a time, where their
 * trials are not compared.
 */
export interface TrialExperiment {
  readonly protocol: 'trials';
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly claim: { readonly text: string };
  /** Where it can be run beside `processes`. */
  readonly environments?: readonly RunFrame['environment'][];
  readonly order: 'interleaved' | 'one-by-one';
  /** Of `one-by-one`; default 1. */
  readonly concurrency?: number;
  readonly series: readonly SeriesDefinition[];
  readonly values: readonly ValueDefinition[];
  readonly comparisons: readonly SeriesComparison[];
  /** With it each trial reports a `timeline`. */
  readonly timeline?: TimelineDefinition;
  readonly limits: readonly string[];
  settings(profile: ProfileName): Readonly<Record<string, string | number>>;
}
