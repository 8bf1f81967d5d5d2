import type { Environment, RunningVariant } from '../environments/environment.ts';
import { gateMetrics, gateMetricValue } from '../gate/gate-metrics.ts';
import { gateRules } from '../gate/judge-blocks.ts';
import type { GateLoad } from '../gate/counters.ts';
import type { GateSlot, GateVariant } from '../gate/gate-record.ts';
import { checkCommit } from '../protocol/content.ts';
import type { Progress } from '../protocol/progress.ts';
import { drawGateOrders } from './block-order.ts';
import type { GateSlots } from './gate-slot.ts';

/** Services that are started anew between blocks, and who is who. */
export interface GateInstances {
  restart(): Promise<ReadonlyMap<GateVariant, RunningVariant>>;
}

export interface BlocksRequest {
  readonly load: GateLoad;
  readonly blocks: number;
  /** Whether each block has a slot of the control. */
  readonly control: boolean;
  readonly seed: number;
  readonly instances: GateInstances;
  readonly slots: GateSlots;
  readonly progress: Progress;
  /** As each slot ends. */
  readonly onSlot: (slot: GateSlot) => void;
}

/**
 * Blocks of one load. The services are started anew before the first and every third one after it, and each is warmed by
 * a slot that is thrown away: code that is not compiled yet costs more.
 */
export async function measureBlocks(request: BlocksRequest): Promise<void> {
  const { load, blocks, control, seed, instances, slots, progress, onSlot } = request;
  let running: ReadonlyMap<GateVariant, RunningVariant> = new Map();
  for (const [index, order] of drawGateOrders(seed, { blocks, control }).entries()) {
    const block = index + 1;
    if (index % gateRules.blocksBetweenRestarts === 0) {
      progress.step(`${load} · restarting the services`);
      running = await instances.restart();
      for (const variant of new Set(order)) {
        progress.step(`${load} · warming up · ${variant}`);
        await slots.warmUp(instanceOf(running, variant), load);
      }
    }
    for (const [place, variant] of order.entries()) {
      const position = place + 1;
      progress.step(`${load} · block ${block}/${blocks} · slot ${position}/${order.length} · ${variant}`);
      const slot = await slots.run(instanceOf(running, variant), {
        load,
        block,
        position,
        variant,
        seed: seed + block,
      });
      const cpuMs = 1000 * gateMetricValue(gateMetrics[0], slot);
      progress.note(
        `  ${load} ${String(block).padStart(2)}.${position} ${variant.padEnd(8)}${cpuMs.toFixed(0).padStart(6)} ms of CPU per 1,000 requests`,
      );
      onSlot(slot);
    }
  }
}

function instanceOf(running: ReadonlyMap<GateVariant, RunningVariant>, variant: GateVariant): RunningVariant {
  const instance = running.get(variant);
  if (instance === undefined) throw new Error(`no instance of ${variant} is running`);
  return instance;
}

/** Base and head in one environment, and if asked a second instance of the base in another. */
export function gateInstances(
  pair: Environment,
  control: Environment | undefined,
  commits: Readonly<Record<'base' | 'head', string>>,
): GateInstances {
  return {
    async restart() {
      const [before, after] = await pair.restartServices();
      const [second] = (await control?.restartServices()) ?? [];
      if (before === undefined || after === undefined) throw new Error('the environment lacks base or head');
      const running = new Map<GateVariant, RunningVariant>([
        ['base', before],
        ['head', after],
      ]);
      if (second !== undefined) running.set('control', second);
      for (const [variant, instance] of running) {
        const { held, observed, limit } = await checkCommit(instance, commits[variant === 'head' ? 'head' : 'base']);
        if (!held) throw new Error(`${variant} says that it is commit ${observed}, and ${limit} was started`);
      }
      return running;
    },
  };
}
