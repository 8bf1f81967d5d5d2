import type { RunFrame } from './evidence/schema.ts';
import type { ProfileName } from './protocol/experiment.ts';
import type { ProgressOutput } from './toolchain/progress.ts';

/** How an experiment is to be run. */
export interface BenchRequest {
  readonly profile: ProfileName;
  readonly database: RunFrame['database'];
  /** `undefined`: drawn, or that of the run which is gone on with. */
  readonly seed?: number | undefined;
  /** REQUIRE_ALL=1: what this machine can't run is an error, and not skipped. */
  readonly requireAll: boolean;
  readonly output: ProgressOutput;
  readonly signal: AbortSignal;
}
