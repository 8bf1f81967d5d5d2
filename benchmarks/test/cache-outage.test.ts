import { describe, expect, test } from 'vitest';

import type { OutagePhase } from '../faults/cache-outage/outage-phases.ts';
import { readsByInterval } from '../faults/reads-timeline.ts';
import {
  type OutageExpectation,
  type OutageObservation,
  outageProblems,
  recoveriesOf,
  servedInFaults,
} from '../faults/cache-outage/outage-verdict.ts';
import type { PageRead } from '../faults/cache-outage/page-reads.ts';

const phases: readonly OutagePhase[] = [
  { fault: undefined, isFault: false, label: 'before', fromMs: 0, toMs: 1_000 },
  { fault: 'killed', isFault: true, label: 'Redis killed', fromMs: 1_000, toMs: 4_000 },
  { fault: 'killed', isFault: false, label: 'back', fromMs: 4_000, toMs: 8_000 },
];
const expectation: OutageExpectation = { isOverCapacity: true, maxLoadsInFlight: 8, expectedSeconds: 2 };

interface Invented {
  /** Whether the read that is due then is served. */
  readonly served?: (dueMs: number) => boolean;
  readonly hit?: (dueMs: number) => boolean;
  readonly loads?: number;
  readonly backends?: number;
}

/** 100 reads a second; each takes 10 ms. Healthy without changes: all served, hits but for the fault. */
function observation({ served = () => true, hit, loads = 8, backends = 8 }: Invented = {}): OutageObservation {
  const isHit = hit ?? ((dueMs: number) => dueMs < 1_000 || dueMs >= 4_000);
  const reads = Array.from({ length: 800 }, (_, index): PageRead => {
    const dueMs = index * 10;
    const outcome = served(dueMs) ? 'served' : 'refused';
    return { dueMs, startedMs: dueMs, endedMs: dueMs + 10, outcome, isHit: isHit(dueMs), what: undefined };
  });
  const values = { loads_in_flight: [1, loads, null], active_backends: [1, backends, 1] };
  return {
    phases,
    reads,
    startedAtMs: 0,
    timeline: { marks: [], values, intervals: 3, missed: new Map() },
    capacityPerSecond: 50,
  };
}

const half = (dueMs: number): boolean => (dueMs / 10) % 2 === 0;

describe('what must hold in an outage', () => {
  test('holds while the capacity is served, the rest refused, and all is served again', () => {
    const refused = observation({ served: (at) => at < 1_000 || at >= 4_500 || half(at) });
    expect(servedInFaults(refused)).toBe(50);
    expect(recoveriesOf(refused)).toEqual([0.5]);
    expect(outageProblems(refused, expectation)).toEqual([]);
  });

  test.each<[string, Invented, Partial<OutageExpectation>, RegExp]>([
    ['one refusal within the capacity', { served: (at) => at !== 2_000 }, { isOverCapacity: false }, /^1 of 800 reads/],
    ['less than the capacity', { served: (at) => at < 2_000 || at >= 4_000 }, {}, /Redis killed: 0 reads a second/],
    ['a load too many, by the service', { loads: 9 }, {}, /^9 loads in flight at the service, where the limit is 8/],
    ['a load too many, by the database', { backends: 9 }, {}, /^9 loads in flight at the database/],
    ['a late return', { served: (at) => at < 4_000 || at >= 6_600 }, {}, /took 2\.6 s to recover from a killed Redis/],
    ['no return', { served: (at) => at < 7_500 || half(at) }, {}, /had not recovered from a killed Redis/],
    ['a return without the cache', { hit: () => false }, {}, /had not recovered from a killed Redis/],
  ])('does not with %s', (_, invented, expected, problem) => {
    const problems = outageProblems(observation(invented), { ...expectation, ...expected });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });
});

test('reads belong to the interval in which they were due, and an interval without a served one has no latency', () => {
  const halved = observation({ served: (at) => at < 1_000 || at >= 2_000 });
  const values = readsByInterval(halved.reads, halved, { intervals: 4, intervalSeconds: 0.5 });
  expect(values['served']).toEqual([100, 100, 0, 0]);
  expect(values['refused']).toEqual([0, 0, 100, 100]);
  expect(values['p99_seconds']).toEqual([0.01, 0.01, null, null]);
  expect(values['hit_percent']).toEqual([100, 100, null, null]);
});
