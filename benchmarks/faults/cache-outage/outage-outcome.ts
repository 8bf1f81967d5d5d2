import type { TrialOutcome } from '../../protocol/trial-experiment.ts';
import { noJobs } from '../cache-rows/no-jobs.ts';
import { readsByInterval } from '../reads-timeline.ts';
import { refuseAnyFailure } from './capacity.ts';
import type { CacheOutage } from './outage-plan.ts';
import { capacityValue } from './outage-timeline.ts';
import {
  largestOf,
  type OutageObservation,
  outageProblems,
  readsIn,
  recoveriesOf,
  servedInFaults,
} from './outage-verdict.ts';
import { countPageReads, type PageRead, percentileOf } from './page-reads.ts';

/** A source that was silent for longer than this has not shown what it is there to show. */
const mostMissedShare = 0.1;

/** What a trial reports. @throws when it shows nothing: it was not in order before the fault, or asked for too little */
export function outcomeOf(
  outage: CacheOutage,
  observation: OutageObservation,
  { serviceProblems, repeated }: { readonly serviceProblems: readonly string[]; readonly repeated: number },
): TrialOutcome {
  refuseUselessTrial(outage, observation);
  const { reads, timeline, capacityPerSecond } = observation;
  const { marks } = timeline;
  return {
    ...noJobs,
    faults: outage.faults.length,
    recoverySeconds: recoveriesOf(observation).flatMap((seconds) => seconds ?? []),
    reads: countPageReads(reads),
    values: {
      [capacityValue]: capacityPerSecond,
      served_in_faults_per_second: servedInFaults(observation),
      ...p99InFaults(observation),
      active_backends_largest: largestOf(timeline, 'active_backends'),
      late_start_p99_seconds: lateStartSeconds(reads),
      ...(repeated > 0 && { repeated }),
    },
    timeline: {
      marks,
      values: { ...readsByInterval(reads, observation, { ...timeline, ...outage }), ...timeline.values },
    },
    problems: [
      ...outageProblems(observation, { ...outage, isOverCapacity: outage.capacities > 1 }),
      ...silences(observation),
      ...serviceProblems,
    ],
  };
}

/** Of the load generator, at the 99th percentile. */
export function lateStartSeconds(reads: readonly PageRead[]): number {
  const late = percentileOf(
    reads.map(({ dueMs, startedMs }) => (startedMs - dueMs) / 1_000),
    0.99,
  );
  return late ?? Number.POSITIVE_INFINITY;
}

function refuseUselessTrial(
  { capacities, control }: CacheOutage,
  { phases, reads }: Pick<OutageObservation, 'phases' | 'reads'>,
): void {
  const [before] = phases;
  if (before) refuseAnyFailure(readsIn(reads, before), 'before the first fault');
  if (capacities <= 1 || control !== undefined) return;
  for (const phase of phases.filter(({ isFault }) => isFault)) {
    const unrefused = readsIn(reads, phase).every(({ outcome }) => outcome !== 'refused');
    if (unrefused)
      throw new Error(`${phase.label}: nothing was refused at ${capacities} capacities, so they were none`);
  }
}

/** Of the served reads that were due in each fault, by its name. */
function p99InFaults({ phases, reads }: Pick<OutageObservation, 'phases' | 'reads'>): Record<string, number> {
  const entries = phases.flatMap((phase) => {
    if (!phase.isFault) return [];
    const served = readsIn(reads, phase).filter(({ outcome }) => outcome === 'served');
    const p99 = percentileOf(
      served.map(({ dueMs, endedMs }) => (endedMs - dueMs) / 1_000),
      0.99,
    );
    return p99 === undefined ? [] : [[`p99_${phase.fault}_seconds`, p99] as const];
  });
  return Object.fromEntries(entries);
}

function silences({ timeline: { missed, intervals } }: OutageObservation): string[] {
  return [...missed].flatMap(([name, missing]) =>
    missing.intervals > mostMissedShare * intervals
      ? [`${name} could not be read in ${missing.intervals} of ${intervals} intervals: ${missing.why}`]
      : [],
  );
}
