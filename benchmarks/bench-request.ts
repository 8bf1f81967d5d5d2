import type { ContainerOptions } from './environments/container-stacks.ts';
import type { RunFrame } from './evidence/schema.ts';
import type { ProfileName } from './protocol/experiment.ts';
import type { ProgressOutput } from './toolchain/progress.ts';

/** What a run is known by, beside its date: the parts of its folder's name. */
export function nameParts(id: string, { database, environment, profile }: BenchRequest): readonly string[] {
  return [id, database, ...(environment === 'containers' ? [environment] : []), profile];
}

/** How an experiment is to be run. */
export interface BenchRequest {
  readonly profile: ProfileName;
  readonly database: RunFrame['database'];
  readonly environment: RunFrame['environment'];
  /** Of the environment `containers`. */
  readonly containers?: ContainerOptions | undefined;
  /** `undefined`: drawn, or that of the run which is gone on with. */
  readonly seed?: number | undefined;
  /** REQUIRE_ALL=1: what this machine can't run is an error, and not skipped. */
  readonly requireAll: boolean;
  readonly output: ProgressOutput;
  readonly signal: AbortSignal;
}
