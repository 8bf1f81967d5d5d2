import type { RunningVariant } from '../environments/environment.ts';
import type { Claim, MetricDefinition, RunRecord, Slot, Variant } from '../evidence/schema.ts';
import type { GuardLimits, GuardName } from './guards.ts';

export type Profile = RunRecord['profile'] & {
  /** Services are started anew before the first block, and before each one after so many. */
  readonly blocksBetweenRestarts: number;
  /** Fractions of the calibrated rate that are tried on both variants after the blocks. */
  readonly sweep: readonly number[];
  readonly calibration: { readonly warmUpSeconds: number; readonly windowSeconds: number };
};

export type ProfileName = Profile['name'];

export interface OpenLoad {
  readonly script: string;
  /** The rate is set so that *before* holds the database here; see `calibrate.ts`. */
  readonly targetDatabaseCpuPercent: number;
  readonly firstGuessPerSecond: number;
}

/** Users who think between two reads, as many as make the open model's very rate. */
export interface ClosedLoad {
  readonly script: string;
  readonly virtualUsers: number;
  readonly windowSeconds: number;
}

/**
 * One claim: a question, a *before* and an *after*, a load, metrics, and what counts as confirmed. The protocol
 * runs it in blocks of four slots; nothing in the protocol knows a particular experiment.
 */
export interface Experiment {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  claim(database: RunRecord['database']): Claim;
  readonly variants: readonly [Variant, Variant];
  metrics(database: RunRecord['database']): readonly MetricDefinition[];
  readonly limits: readonly string[];
  readonly profiles: Readonly<Record<ProfileName, Profile>>;
  readonly workload: RunRecord['workload'];
  readonly content: { readonly performances: number; readonly showtimesPerPerformance: number };
  readonly open: OpenLoad;
  readonly closed: ClosedLoad;
  /** Which guards void the run when a slot of this role breaks them. */
  readonly guards: Readonly<Record<Slot['role'], readonly GuardName[]>>;
  readonly guardLimits: GuardLimits;
  /** Environment variables that a profile adds to every variant. */
  configuration(profile: Profile): Readonly<Record<string, string>>;
  /** From the declared workload alone, for one slot of this profile at this rate; a fraction. */
  predictHitRatio(profile: Profile, readsPerSecond: number): number;
  /** Paths whose answers must be the same bytes in both variants after every block. */
  readonly comparedPaths: readonly string[];
  /** Facts about the content that are printed beside the metrics: raw samples of every measured slot. */
  describeContent(variant: RunningVariant): Promise<readonly { metric: string; value: number; unit: string }[]>;
}
