import type { RecordedTimeline } from '../timeline-recorder.ts';
import type { OutagePhase } from './outage-phases.ts';
import type { PageRead } from './page-reads.ts';

export interface OutageObservation {
  readonly phases: readonly OutagePhase[];
  readonly reads: readonly PageRead[];
  readonly timeline: RecordedTimeline;
  /** Of the timeline, by `performance.now()`. */
  readonly startedAtMs: number;
  readonly capacityPerSecond: number;
}

export interface OutageExpectation {
  readonly isOverCapacity: boolean;
  readonly maxLoadsInFlight: number;
  readonly expectedSeconds: number;
}

/** Of the capacity, at least, where more is asked for: the cache's own work on a miss costs the service, too. */
export const leastServedShare = 0.8;
/** The first second of a fault pays for its discovery. */
const discoverySeconds = 1;

/** Those that were due in the phase, from so many seconds after its beginning on. */
export function readsIn(
  reads: readonly PageRead[],
  { fromMs, toMs }: Pick<OutagePhase, 'fromMs' | 'toMs'>,
  afterSeconds = 0,
): readonly PageRead[] {
  return reads.filter(({ dueMs }) => dueMs >= fromMs + 1_000 * afterSeconds && dueMs < toMs);
}

/** Reads served per second while something is out of order, after its first second: mean over the faults. */
export function servedInFaults({ phases, reads }: Pick<OutageObservation, 'phases' | 'reads'>): number {
  const faults = phases.filter(({ isFault }) => isFault);
  const seconds = faults.reduce((sum, { fromMs, toMs }) => sum + (toMs - fromMs) / 1_000 - discoverySeconds, 0);
  const served = faults.flatMap((phase) => readsIn(reads, phase, discoverySeconds)).filter(isServed);
  return served.length / seconds;
}

const isServed = ({ outcome }: PageRead): boolean => outcome === 'served';

/**
 * For each fault: from its end to the first moment from which on, for a second, every read was served and the cache
 * gave hits; `undefined` when that did not come before the next fault.
 */
export function recoveriesOf({ phases, reads }: Pick<OutageObservation, 'phases' | 'reads'>): (number | undefined)[] {
  return phases.flatMap((phase) => {
    if (phase.isFault || phase.fault === undefined) return [];
    const own = readsIn(reads, phase).toSorted((a, b) => a.dueMs - b.dueMs);
    const lastUnserved = own.findLastIndex((read) => !isServed(read));
    const settled = own.slice(lastUnserved + 1);
    const hit = settled.find(({ isHit }) => isHit);
    const calmMs = phase.toMs - (settled[0]?.dueMs ?? phase.toMs);
    if (hit === undefined || calmMs < 1_000) return [undefined];
    const lastBad = own[lastUnserved];
    return [(Math.max(lastBad?.dueMs ?? phase.fromMs, hit.dueMs) - phase.fromMs) / 1_000];
  });
}

/** What did not hold, in words with numbers. */
export function outageProblems(observation: OutageObservation, expectation: OutageExpectation): string[] {
  return [
    ...(expectation.isOverCapacity ? unservedCapacity(observation) : refusals(observation)),
    ...overloads(observation, expectation),
    ...lateReturns(observation, expectation),
    ...firstFailure(observation),
  ];
}

/** Where the load is within the capacity nobody may be turned away. */
function refusals({ reads }: OutageObservation): string[] {
  const refused = reads.filter(({ outcome }) => outcome === 'refused').length;
  return refused === 0 ? [] : [`${refused} of ${reads.length} reads were refused, within the capacity of the database`];
}

function unservedCapacity({ phases, reads, capacityPerSecond }: OutageObservation): string[] {
  return phases.flatMap((phase) => {
    if (!phase.isFault) return [];
    const served = servedInFaults({ phases: [phase], reads });
    return served >= leastServedShare * capacityPerSecond
      ? []
      : [
          `${phase.label}: ${served.toFixed(0)} reads a second were served, of a capacity of ${capacityPerSecond.toFixed(0)}`,
        ];
  });
}

function overloads({ timeline }: OutageObservation, { maxLoadsInFlight }: OutageExpectation): string[] {
  const largest = (id: string): number => largestOf(timeline, id);
  return [
    ['loads in flight at the service', largest('loads_in_flight')] as const,
    ['loads in flight at the database (active backends)', largest('active_backends')] as const,
  ].flatMap(([what, most]) =>
    most > maxLoadsInFlight ? [`${most} ${what}, where the limit is ${maxLoadsInFlight}`] : [],
  );
}

export function largestOf({ values }: Pick<RecordedTimeline, 'values'>, id: string): number {
  return Math.max(0, ...(values[id] ?? []).map((value) => value ?? 0));
}

function lateReturns(observation: OutageObservation, { expectedSeconds }: OutageExpectation): string[] {
  const returns = observation.phases.filter(({ isFault, fault }) => !isFault && fault !== undefined);
  return recoveriesOf(observation).flatMap((seconds, index) => {
    if (seconds !== undefined && seconds <= expectedSeconds) return [];
    const after = `${returns[index]?.fault} Redis`;
    return seconds === undefined
      ? [`it had not recovered from a ${after} when the phase ended`]
      : [`it took ${seconds.toFixed(1)} s to recover from a ${after}, expected within ${expectedSeconds} s`];
  });
}

/** What the counts alone would not tell. */
function firstFailure({ reads }: OutageObservation): string[] {
  const what = reads.find((read) => read.what !== undefined)?.what;
  return what === undefined ? [] : [`the first failed read: ${what}`];
}
