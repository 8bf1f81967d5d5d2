import { setTimeout as sleep } from 'node:timers/promises';

import type { TrialContext } from '../protocol/trial-experiment.ts';
import { consumerOfWorker } from './consumer-of-worker.ts';
import { type QueueInspection, queueKeys } from './queue-inspection.ts';
import type { ServiceNode, Stage } from './stage.ts';

export interface KillStorm {
  /** Kills that met work, after which the storm is over. */
  readonly kills: number;
  readonly pauseMs: { readonly from: number; readonly to: number };
  /** How long what a victim held may take until it is settled. */
  readonly settledWithinMs: number;
}

export interface StormDamage {
  readonly faults: number;
  readonly idleFaults: number;
  /** Entries that the victims held, summed over the kills. */
  readonly inFlight: number;
  /** For each kill, when what its victim held was settled: seconds from the kill; `undefined`: not in time. */
  readonly recoveries: readonly Promise<number | undefined>[];
}

interface Storm {
  readonly storm: KillStorm;
  readonly inspection: QueueInspection;
  readonly context: TrialContext;
  /** Nothing is submitted any more. */
  readonly isLoadOver: () => boolean;
}

/**
 * Kills a worker at random among those that have work in their hands, again and again, and puts it back at once. A kill
 * counts when the group has entries that are pending for its consumer: when its name had an owner before, also what that
 * one left and nobody has taken over yet. Over early when all work is done.
 */
export async function runKillStorm({ workers }: Pick<Stage, 'workers'>, request: Storm): Promise<StormDamage> {
  const { storm, inspection, context } = request;
  const { random, signal } = context;
  const { from, to } = storm.pauseMs;
  const recoveries: Promise<number | undefined>[] = [];
  let [idleFaults, inFlight] = [0, 0];
  while (recoveries.length < storm.kills) {
    await sleep(from + (to - from) * random(), undefined, { signal });
    const victim = await chooseVictim(workers, request);
    if (!victim) break;
    const consumer = await consumerOfWorker(victim);
    await victim.kill();
    const killedAtMs = performance.now();
    await victim.launch();
    const held = (await inspection.pending()).filter((entry) => entry.consumer === consumer);
    context.step(`SIGKILL of ${victim.name} with ${held.length} entries in its hands`);
    if (held.length === 0) {
      idleFaults += 1;
      continue;
    }
    inFlight += held.length;
    const entryIds = held.map(({ entryId }) => entryId);
    const settled = secondsUntilSettled(entryIds, inspection, { killedAtMs, withinMs: storm.settledWithinMs, signal });
    // Awaited by the caller; until then a rejection is nobody's.
    settled.catch(() => undefined);
    recoveries.push(settled);
  }
  return { faults: recoveries.length, idleFaults, inFlight, recoveries };
}

/** `undefined`: all work is done. */
async function chooseVictim(
  workers: readonly ServiceNode[],
  { inspection, context: { random, signal }, isLoadOver }: Storm,
): Promise<ServiceNode | undefined> {
  for (;;) {
    const isLast = isLoadOver();
    const holders = new Set((await inspection.pending()).map(({ consumer }) => consumer));
    const running = workers.filter((worker) => worker.isRunning());
    const consumers = await Promise.all(running.map(consumerOfWorker));
    const busy = running.filter((_, index) => holders.has(consumers[index] ?? ''));
    const victim = busy[Math.floor(random() * busy.length)];
    if (victim) return victim;
    if (isLast && (await inspection.entryCount()) === 0) return undefined;
    await sleep(2, undefined, { signal });
  }
}

interface SettledWait {
  readonly killedAtMs: number;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** An entry that is settled, in whatever way, is deleted from the stream. */
async function secondsUntilSettled(
  entryIds: readonly string[],
  { client }: QueueInspection,
  { killedAtMs, withinMs, signal }: SettledWait,
): Promise<number | undefined> {
  const left = [...entryIds];
  for (;;) {
    while (left[0] !== undefined && (await client.xrange(queueKeys.stream, left[0], left[0])).length === 0)
      left.shift();
    const takenMs = performance.now() - killedAtMs;
    if (left.length === 0) return takenMs / 1_000;
    if (takenMs > withinMs) return undefined;
    await sleep(50, undefined, { signal });
  }
}
