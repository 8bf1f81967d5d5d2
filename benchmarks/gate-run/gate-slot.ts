import { setTimeout as sleep } from 'node:timers/promises';

import { percentile, poolBuckets } from '../analysis/metric-value.ts';
import type { RunningVariant } from '../environments/environment.ts';
import type { GateLoad } from '../gate/counters.ts';
import type { GateSlot, GateVariant } from '../gate/gate-record.ts';
import { waitForEmptyBacklog } from '../probes/seat-creation-backlog.ts';
import { isDisturbed, judgeSlot, type SlotFacts } from '../protocol/guards.ts';
import { attempts, createTogether, loadSeconds, runSlot, type SlotPorts, type SlotResult } from '../protocol/slot.ts';
import { gateGuardLimits, gateLoadPlans, slotSeconds } from './gate-load.ts';
import { createHallSupply } from './hall-supply.ts';

export type RunningInstances = ReadonlyMap<GateVariant, RunningVariant>;

export interface GateBlockPlace {
  readonly load: GateLoad;
  readonly block: number;
  /** Decides which reads are asked for: of all instances the same. */
  readonly seed: number;
}

/**
 * Puts all instances under the same load at the same time, from rest to rest, and judges each slot by the load's guards.
 * What the machine does to one of them in these seconds it does to all, so that little of it is left in their ratio
 * (Bulej et al., *Duet Benchmarking: Improving Measurement Accuracy in the Cloud*, ICPE 2020).
 */
export interface GateSlots {
  /** Slots that nobody keeps, and that are not repeated whatever disturbs them. */
  warmUp(instances: RunningInstances, load: GateLoad): Promise<void>;
  /** One slot of each instance. All run again, three times at most, when one was disturbed, without a look at the result. */
  run(instances: RunningInstances, place: GateBlockPlace): Promise<readonly GateSlot[]>;
}

/** Samples that a gate keeps of each slot, beside the percentiles. */
const keptSamples = ['service_cpu_seconds', 'database_cpu_seconds', 'requests', 'window_seconds'] as const;
const settledWithinMs = 20_000;
/** What is left to be done behind the last answer: sockets that close, a store that nobody waits for. */
const restMs = 100;
/** How far the starts of k6 lie apart at most, three of them at once on two cores. */
const startsWithinSeconds = 1.5;

interface VariantResult extends SlotResult {
  readonly variant: GateVariant;
}

export function createGateSlots(ports: SlotPorts): GateSlots {
  const { seats } = gateLoadPlans['seat-creation'];
  if (seats === undefined) throw new Error('the load seat-creation declares no seats');
  const jobsOfSlot =
    1 +
    Math.ceil(seats.jobsPerSecond * loadSeconds({ ...slotSeconds, together: { withinSeconds: startsWithinSeconds } }));
  const halls = createHallSupply({ seatsEach: seats.seatsPerJob, stock: 8 * jobsOfSlot });

  async function load(
    instances: RunningInstances,
    { load: name, block, seed }: GateBlockPlace,
  ): Promise<readonly VariantResult[]> {
    const { script, ratePerSecond } = gateLoadPlans[name];
    const prepared: { variant: GateVariant; instance: RunningVariant; variables: Record<string, string> }[] = [];
    for (const [variant, instance] of instances) {
      const variables: Record<string, string> =
        name === 'reads'
          ? { WRITES: 'off', SEED: String(seed) }
          : { FIRST_HALL_ID: String(await halls.take(instance, jobsOfSlot)) };
      prepared.push({ variant, instance, variables });
    }
    const together = createTogether(prepared.length, startsWithinSeconds);
    const results = await Promise.all(
      prepared.map(async ({ variant, instance, variables }) => {
        const id = `${name}-${block}-${variant}`;
        const plan = {
          id,
          role: 'measured',
          script,
          offered: ratePerSecond,
          ...slotSeconds,
          variables,
          together,
        } as const;
        const result = await runSlot(ports, instance, plan);
        await waitForEmptyBacklog(instance, { timeoutMs: settledWithinMs, signal: ports.signal });
        return { variant, ...result };
      }),
    );
    await sleep(restMs, undefined, { signal: ports.signal });
    return results;
  }

  return {
    async warmUp(instances, name) {
      await load(instances, { load: name, block: 0, seed: 0 });
    },
    async run(instances, place) {
      for (let attempt = 1; ; attempt += 1) {
        const results = await load(instances, place);
        const judged = results.map((result) => ({ result, facts: factsOf(result, place.load) }));
        if (attempt < attempts && judged.some(({ facts }) => isDisturbed(facts, gateGuardLimits))) continue;
        return judged.map(({ result, facts }) => recordOf(result, { ...place, attempt, facts }));
      }
    },
  };
}

function sampleOf({ slot, samples }: SlotResult, metric: string): number {
  const value = samples.find((sample) => sample.metric === metric)?.value;
  if (value === undefined) throw new Error(`slot ${slot.id} has no ${metric}`);
  return value;
}

/** The other instances are children of the lab, as is their load: none of them is foreign. */
function factsOf({ samples }: VariantResult, load: GateLoad): SlotFacts {
  const { ratePerSecond, seats } = gateLoadPlans[load];
  return {
    offeredPerSecond: ratePerSecond,
    predictedHitRatio: undefined,
    offeredSeats: seats,
    readings: new Map(samples.map(({ metric, value }) => [metric, value])),
  };
}

interface JudgedPlace extends GateBlockPlace {
  readonly attempt: number;
  readonly facts: SlotFacts;
}

function recordOf(result: VariantResult, { load, block, attempt, facts }: JudgedPlace): GateSlot {
  const { slot, latencies, variant } = result;
  const buckets = poolBuckets([], { samples: new Map(), latencies });
  const latency = (quantile: number): number => {
    const found = percentile(quantile, buckets);
    if ('missing' in found) throw new Error(`slot ${slot.id} has no latency: ${found.missing}`);
    return found.value;
  };
  return {
    load,
    block,
    variant,
    startedAt: slot.startedAt,
    attempt,
    samples: {
      ...Object.fromEntries(keptSamples.map((metric) => [metric, sampleOf(result, metric)])),
      latency_p50_seconds: latency(0.5),
      latency_p99_seconds: latency(0.99),
    },
    broken: judgeSlot(gateLoadPlans[load].guards, facts, gateGuardLimits).filter(({ held }) => !held),
  };
}
