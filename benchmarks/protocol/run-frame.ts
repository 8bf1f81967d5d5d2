import { type Binary, readCommit, readMachineLoad, takeFingerprint } from '../evidence/fingerprint.ts';
import { type GuardOutcome, type RunFrame, schemaVersion } from '../evidence/schema.ts';

export interface FrameRequest {
  readonly id: string;
  /** That does this run again. */
  readonly command: string;
  readonly database: RunFrame['database'];
  readonly seed: number;
  readonly binaries: readonly Binary[];
  /** Where the run is in containers: of what. */
  readonly containers?: RunFrame['containers'] | undefined;
}

/** What happened between the two ends of a run. */
export interface FrameOutcome {
  readonly brokenBy: string | undefined;
  readonly guards: readonly GuardOutcome[];
}

/**
 * Looks at machine and work tree before anything runs. The returned function looks again and gives what every run
 * records, whatever its protocol, with the guard that the work tree is still the same.
 */
export async function openRunFrame(request: FrameRequest): Promise<(outcome: FrameOutcome) => Promise<RunFrame>> {
  const startedAt = new Date();
  const { commit, dirty } = await readCommit();
  const before = await readMachineLoad();
  const fingerprint = await takeFingerprint(request.binaries);
  return async ({ brokenBy, guards }) => {
    const after = await readMachineLoad();
    const atTheEnd = await readCommit();
    const workTree: GuardOutcome = {
      guard: 'work-tree-unchanged',
      held: atTheEnd.commit === commit && atTheEnd.dirty === dirty,
      observed: `${atTheEnd.commit}${atTheEnd.dirty ? ' and changes' : ''}`,
      limit: `${commit}${dirty ? ' and changes' : ''}`,
    };
    return {
      schemaVersion,
      id: request.id,
      database: request.database,
      ...(request.containers === undefined
        ? { environment: 'processes' as const }
        : { environment: 'containers' as const, containers: request.containers }),
      seed: request.seed,
      startedAt: startedAt.toISOString(),
      endedAt: new Date().toISOString(),
      ...(brokenBy === undefined ? {} : { brokenBy }),
      guards: [...guards, workTree],
      fingerprint,
      provenance: {
        commit,
        dirty,
        command: request.command,
        loadAverageBefore: before.loadAverage,
        loadAverageAfter: after.loadAverage,
        ...(before.cpuPressure === undefined ? {} : { cpuPressureBefore: before.cpuPressure }),
        ...(after.cpuPressure === undefined ? {} : { cpuPressureAfter: after.cpuPressure }),
      },
      files: {},
    };
  };
}
