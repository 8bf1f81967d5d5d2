import { setTimeout as sleep } from 'node:timers/promises';

import { percentile, poolBuckets } from '../analysis/metric-value.ts';
import type { RunningVariant } from '../environments/environment.ts';
import type { GateLoad } from '../gate/counters.ts';
import type { GateSlot, GateVariant } from '../gate/gate-record.ts';
import { waitForEmptyBacklog } from '../probes/seat-creation-backlog.ts';
import { isDisturbed, judgeSlot, type SlotFacts } from '../protocol/guards.ts';
import {
  type JudgedSlot,
  loadSeconds,
  runJudgedSlot,
  runSlot,
  type SlotPorts,
  type SlotResult,
} from '../protocol/slot.ts';
import { gateGuardLimits, gateLoadPlans, slotSeconds } from './gate-load.ts';
import { createHallSupply } from './hall-supply.ts';

export interface GateSlotPlace {
  readonly load: GateLoad;
  readonly block: number;
  readonly position: number;
  readonly variant: GateVariant;
  /** Decides which reads are asked for: the same in all slots of a block. */
  readonly seed: number;
}

/** Runs slots of both loads, from rest to rest, and judges them by the load's guards. */
export interface GateSlots {
  /** A slot that nobody keeps, and that is not repeated whatever disturbs it. */
  warmUp(instance: RunningVariant, load: GateLoad): Promise<void>;
  run(instance: RunningVariant, place: GateSlotPlace): Promise<GateSlot>;
}

/** Samples that a gate keeps of each slot, beside the percentiles. */
const keptSamples = ['service_cpu_seconds', 'database_cpu_seconds', 'requests', 'window_seconds'] as const;
const settledWithinMs = 20_000;
/** What is left to be done behind the last answer: sockets that close, a store that nobody waits for. */
const restMs = 100;

export function createGateSlots(ports: SlotPorts): GateSlots {
  const { seats } = gateLoadPlans['seat-creation'];
  if (seats === undefined) throw new Error('the load seat-creation declares no seats');
  const jobsOfSlot = Math.ceil(seats.jobsPerSecond * loadSeconds(slotSeconds)) + 1;
  const halls = createHallSupply({ seatsEach: seats.seatsPerJob, stock: 8 * jobsOfSlot });

  async function load(
    instance: RunningVariant,
    { load: name, block, position, seed }: GateSlotPlace,
  ): Promise<SlotResult> {
    const { script, ratePerSecond } = gateLoadPlans[name];
    const own: Record<string, string> =
      name === 'reads'
        ? { WRITES: 'off', SEED: String(seed) }
        : { FIRST_HALL_ID: String(await halls.take(instance, jobsOfSlot)) };
    const result = await runSlot(ports, instance, {
      id: `${name}-${block}-${position}`,
      role: 'measured',
      script,
      offered: ratePerSecond,
      ...slotSeconds,
      variables: own,
    });
    await waitForEmptyBacklog(instance, { timeoutMs: settledWithinMs, signal: ports.signal });
    await sleep(restMs, undefined, { signal: ports.signal });
    return result;
  }

  return {
    async warmUp(instance, name) {
      await load(instance, { load: name, block: 1, position: 0, variant: 'base', seed: 0 });
    },
    async run(instance, place) {
      const { guards, ratePerSecond, seats: offeredSeats } = gateLoadPlans[place.load];
      const judged = await runJudgedSlot(
        () => load(instance, place),
        ({ samples }) => {
          const readings = new Map(samples.map(({ metric, value }) => [metric, value]));
          const facts: SlotFacts = {
            offeredPerSecond: ratePerSecond,
            predictedHitRatio: undefined,
            offeredSeats,
            readings,
          };
          return {
            guards: judgeSlot(guards, facts, gateGuardLimits),
            disturbed: isDisturbed(facts, gateGuardLimits),
          };
        },
      );
      return recordOf(judged, place);
    },
  };
}

function recordOf(
  { slot, samples, latencies }: JudgedSlot,
  { load, block, position, variant }: GateSlotPlace,
): GateSlot {
  const sampleOf = (metric: string): number => {
    const value = samples.find((sample) => sample.metric === metric)?.value;
    if (value === undefined) throw new Error(`slot ${slot.id} has no ${metric}`);
    return value;
  };
  const buckets = poolBuckets([], { samples: new Map(), latencies });
  const latency = (quantile: number): number => {
    const found = percentile(quantile, buckets);
    if ('missing' in found) throw new Error(`slot ${slot.id} has no latency: ${found.missing}`);
    return found.value;
  };
  return {
    load,
    block,
    position,
    variant,
    startedAt: slot.startedAt,
    attempt: slot.attempt,
    samples: {
      ...Object.fromEntries(keptSamples.map((metric) => [metric, sampleOf(metric)])),
      latency_p50_seconds: latency(0.5),
      latency_p99_seconds: latency(0.99),
    },
    broken: slot.guards.filter(({ held }) => !held),
  };
}
