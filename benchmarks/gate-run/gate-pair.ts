import { mkdir } from 'node:fs/promises';

import type { Environment } from '../environments/environment.ts';
import { createProcessesEnvironment } from '../environments/processes.ts';
import { performanceWorkload } from '../scenarios/performance-workload.ts';
import { type GateInstances, gateInstances } from './measure-blocks.ts';
import { createPlantedLoss, type PlantedLoss } from './planted-loss.ts';
import { serviceUnderGate } from './service-under-gate.ts';
import type { WorkTree } from './work-trees.ts';

/** Base and head, up and filled with the same content; their services are started anew with `restart`. */
export interface GatePair extends GateInstances {
  /** Brings up a second instance of the base, which `restart` then starts anew as well. */
  addControl(): Promise<void>;
  /** Of the head's CPU; there from the next `restart` on. */
  readonly loss: PlantedLoss;
  down(): Promise<void>;
}

export interface GatePairRequest {
  readonly base: WorkTree;
  readonly head: WorkTree;
  /** Does not exist yet; is the pair's own. */
  readonly folder: string;
  /** Whether a loss can be planted into the head: what burns it is then loaded into all services, and else into none. */
  readonly canLose: boolean;
  readonly onStep: (step: string) => void;
  readonly signal: AbortSignal;
}

export async function startGatePair(request: GatePairRequest): Promise<GatePair> {
  const { base, head, folder, canLose, onStep, signal } = request;
  await mkdir(folder);
  const loss = createPlantedLoss(folder, 'head');
  const withLoss = (planted: PlantedLoss): Readonly<Record<string, string>> => {
    return { ...serviceUnderGate, ...(canLose && planted.configuration) };
  };
  const ofBase = { sources: base.path, configuration: withLoss(createPlantedLoss(folder, 'base')) };
  // Two environments, because an environment has one `before` and one `after`.
  const pair = createProcessesEnvironment({ signal });
  let control: Environment | undefined;
  const seed = {
    performances: performanceWorkload.performances,
    randomSeed: 1,
    relativeTo: `${new Date().toISOString().slice(0, 10)}T00:00:00.000Z`,
  };
  const down = async (): Promise<void> => {
    await control?.down();
    await pair.down();
  };
  try {
    await pair.up({
      database: 'postgres',
      variants: [
        { id: 'before', ...ofBase },
        { id: 'after', sources: head.path, configuration: withLoss(loss) },
      ],
      seed,
      onStep,
    });
  } catch (error) {
    await down();
    throw error;
  }
  return {
    loss,
    restart: () => gateInstances(pair, control, { base: base.commit, head: head.commit }).restart(),
    async addControl() {
      onStep('bringing up the control, a second instance of the base');
      control = createProcessesEnvironment({ signal });
      await control.up({ database: 'postgres', variants: [{ id: 'before', ...ofBase }], seed, onStep });
    },
    down,
  };
}
