import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { createVersionedPerformances } from '../../benchmarks/faults/cache-rows/versioned-performances.ts';
import type { Stage } from '../../benchmarks/faults/stage.ts';
import { type Bench, createSeats, seatsPerHall } from './bench.ts';
import type { ControlGroup } from './control-group.ts';
import type { LoadWindow } from './outcome.ts';
import {
  withDeletedWork,
  withFrozenConsumers,
  withKilledConsumer,
  withoutDatabase,
  withTroubleOfTheQueue,
} from './outages.ts';
import { withBlockedLoop, withLimits } from './starved-process.ts';
import { quietly, underTraffic, withFullCache, withSeatCreations } from './traffic.ts';

const hallCount = 190;

/** Everything that moves a panel or makes an alert fire, one after the other; resolves to when each was. */
export async function runLoads(
  stage: Stage,
  {
    controlGroup,
    step,
    signal,
  }: {
    /** With the API in it. */
    readonly controlGroup: ControlGroup | undefined;
    readonly step: (text: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<readonly LoadWindow[]> {
  const windows: LoadWindow[] = [];
  step('content');
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const halls = await stage.createHalls(hallCount, seatsPerHall);
  const performances = await createVersionedPerformances(stage, 40);
  const apiUrl = stage.apis[0]?.apiUrl ?? '';
  let taken = 0;
  const bench: Bench = {
    stage,
    performances,
    takeHalls(count) {
      if (taken + count > halls.length) throw new Error(`${halls.length} halls are too few: raise hallCount`);
      taken += count;
      return halls.slice(taken - count, taken);
    },
    takenHalls: () => halls.slice(0, taken),
    apiUrl,
    agent,
    controlGroup,
    signal,
    async during(load, what, work) {
      signal.throwIfAborted();
      step(`${load}: ${what}`);
      const fromSeconds = Date.now() / 1_000;
      await work();
      windows.push({ load, what, fromSeconds, toSeconds: Date.now() / 1_000 });
    },
  };
  try {
    await createSeats(bench, bench.takeHalls(1));
    await sleep(8_000, undefined, { signal });
    await quietly(bench);
    await underTraffic(bench);
    await withFullCache(bench);
    await withSeatCreations(bench);
    await withBlockedLoop(bench);
    await withLimits(bench);
    await withKilledConsumer(bench);
    await withDeletedWork(bench);
    await withFrozenConsumers(bench);
    await withTroubleOfTheQueue(bench);
    await withoutDatabase(bench);
    return windows;
  } finally {
    performances.close();
    agent.destroy();
  }
}
