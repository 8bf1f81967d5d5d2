import type { Environment, RunningVariant } from '../environments/environment.ts';
import type { GateLoad } from '../gate/counters.ts';
import { gateMetrics, gateMetricValue } from '../gate/gate-metrics.ts';
import type { GateSlot, GateVariant } from '../gate/gate-record.ts';
import { gateRules } from '../gate/judge-blocks.ts';
import { checkCommit } from '../protocol/content.ts';
import type { Progress } from '../protocol/progress.ts';
import type { GateSlots, RunningInstances } from './gate-slot.ts';

/** Services that are started anew between blocks, and who is who. */
export interface GateInstances {
  restart(): Promise<RunningInstances>;
}

export interface BlocksRequest {
  readonly load: GateLoad;
  readonly blocks: number;
  readonly seed: number;
  readonly instances: GateInstances;
  readonly slots: GateSlots;
  readonly progress: Progress;
  /** As each block ends. */
  readonly onBlock: (slots: readonly GateSlot[]) => void;
}

/**
 * Blocks of one load. The services are started anew before the first and every third one after it, and warmed by a block
 * that is thrown away: code that is not compiled yet costs more.
 */
export async function measureBlocks(request: BlocksRequest): Promise<void> {
  const { load, blocks, seed, instances, slots, progress, onBlock } = request;
  let running: RunningInstances = new Map();
  for (let block = 1; block <= blocks; block += 1) {
    if ((block - 1) % gateRules.blocksBetweenRestarts === 0) {
      progress.step(`${load} · restarting the services`);
      running = await instances.restart();
      progress.step(`${load} · warming up`);
      await slots.warmUp(running, load);
    }
    progress.step(`${load} · block ${block}/${blocks}`);
    const ofBlock = await slots.run(running, { load, block, seed: seed + block });
    progress.note(`  ${load} ${String(block).padStart(2)}  ${ofBlock.map(describeCost).join('  ')}`);
    onBlock(ofBlock);
  }
}

function describeCost(slot: GateSlot): string {
  const milliseconds = 1000 * gateMetricValue(gateMetrics[0], slot);
  return `${slot.variant} ${milliseconds.toFixed(0)} ms of CPU per 1,000 requests`;
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
