import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { median } from '../analysis/signed-rank.ts';
import type { GateLoad } from '../gate/counters.ts';
import { gateMetrics, gateMetricValue } from '../gate/gate-metrics.ts';
import type { GateVariant } from '../gate/gate-record.ts';
import type { GateSlots, RunningInstances } from './gate-slot.ts';

/** The method of each load's requests. */
const methods: Readonly<Record<GateLoad, string>> = { reads: 'GET', 'seat-creation': 'POST' };

/** Loss of CPU that can be planted into a service, and set for the time after its next start. */
export interface PlantedLoss {
  /** Environment variables of the service that is to lose CPU. */
  readonly configuration: Readonly<Record<string, string>>;
  /** @param secondsPerRequest that are burned, by load */
  set(secondsPerRequest: Readonly<Record<GateLoad, number>>): void;
}

/** Without a loss until `set` is called. @param folder exists, and outlives the service */
export function createPlantedLoss(folder: string, variant: GateVariant): PlantedLoss {
  const file = join(folder, `cpu-loss-of-${variant}.json`);
  const write = (seconds: Partial<Record<GateLoad, number>>): void => {
    const entries = Object.entries(methods).map(([load, method]) => {
      const own = Object.entries(seconds).find(([name]) => name === load)?.[1] ?? 0;
      return [method, Math.round(1e6 * own)] as const;
    });
    writeFileSync(file, JSON.stringify(Object.fromEntries(entries.filter(([, loss]) => loss > 0))));
  };
  write({});
  return {
    configuration: {
      NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'cpu-loss.ts')).href}`,
      CPU_LOSS_FILE: file,
    },
    set: write,
  };
}

/** What a request of each load costs app and database, over all instances, from slots that are not kept. */
export async function measureSecondsPerRequest(
  instances: RunningInstances,
  slots: GateSlots,
): Promise<Readonly<Record<GateLoad, number>>> {
  const costOf = async (load: GateLoad): Promise<number> => {
    await slots.warmUp(instances, load);
    const block = await slots.run(instances, { load, block: 1, seed: 1 });
    return median(block.map((slot) => gateMetricValue(gateMetrics[0], slot) / 1000));
  };
  return { reads: await costOf('reads'), 'seat-creation': await costOf('seat-creation') };
}

/** A share of what each load costs, as what is to be burned. */
export function shareOf(cost: Readonly<Record<GateLoad, number>>, share: number): Readonly<Record<GateLoad, number>> {
  return { reads: share * cost.reads, 'seat-creation': share * cost['seat-creation'] };
}
