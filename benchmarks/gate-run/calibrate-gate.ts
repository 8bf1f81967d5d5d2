import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Binary } from '../evidence/fingerprint.ts';
import type { CalibrationGroup } from '../gate/calibration-record.ts';
import type { GateLoad } from '../gate/counters.ts';
import type { GateSlot } from '../gate/gate-record.ts';
import { gateRules } from '../gate/judge-blocks.ts';
import type { Progress } from '../protocol/progress.ts';
import type { SlotPorts } from '../protocol/slot.ts';
import type { CalibrationJournal } from './calibration-journal.ts';
import { type CalibrationSize, missingGroups, planCalibration, type PlannedGroup } from './calibration-plan.ts';
import { type GatePair, startGatePair } from './gate-pair.ts';
import { createGateSlots, type GateSlots } from './gate-slot.ts';
import { measureBlocks } from './measure-blocks.ts';
import { measureSecondsPerRequest, shareOf } from './planted-loss.ts';
import { runGate } from './run-gate.ts';
import { openWorkTrees } from './work-trees.ts';

export interface CalibrationRequest {
  readonly size: CalibrationSize;
  /** Whole gates of the commit against itself, in all calls together. */
  readonly gates: number;
  readonly journal: CalibrationJournal;
  readonly ports: SlotPorts;
  readonly binaries: readonly Binary[];
  /** Exists, and is the calibration's own. */
  readonly scratch: string;
  readonly progress: Progress;
}

/** Then all begin with fresh databases: seats that were created stay. */
const groupsOfOneSession = 16;

/** Records what is missing of the plan: blocks of a commit against itself, with and without a loss, and whole gates. */
export async function calibrateGate(request: CalibrationRequest): Promise<void> {
  const { journal, size, gates } = request;
  const { commit, seed } = journal.found.conditions;
  const left = missingGroups(planCalibration(seed, size), journal.found.groups);
  for (let first = 0; first < left.length; first += groupsOfOneSession) {
    await recordSession(left.slice(first, first + groupsOfOneSession), request);
  }
  for (let gate = journal.found.gates.length; gate < gates; gate += 1) {
    request.progress.note(`  whole gate ${gate + 1} of ${gates}`);
    const scratch = join(request.scratch, `gate-${gate}`);
    await mkdir(scratch);
    journal.append({
      gate: await runGate({ ...request, scratch, base: commit, head: commit, seed: seed + 7919 * gate }),
    });
  }
}

async function recordSession(groups: readonly PlannedGroup[], request: CalibrationRequest): Promise<void> {
  const { journal, ports, progress } = request;
  const { commit, seed } = journal.found.conditions;
  const folder = join(request.scratch, `session-${groups[0]?.group ?? 0}`);
  await mkdir(folder);
  const onStep = (step: string): void => progress.step(step);
  const trees = await openWorkTrees(folder, onStep);
  let pair: GatePair | undefined;
  try {
    const base = await trees.checkOut('base', commit);
    const head = await trees.checkOut('head', commit);
    pair = await startGatePair({
      base,
      head,
      folder: join(folder, 'pair'),
      canLose: true,
      onStep,
      signal: ports.signal,
    });
    await pair.addControl();
    const slots = createGateSlots(ports);
    const cost = await measureSecondsPerRequest(await pair.restart(), slots);
    for (const planned of groups) {
      progress.note(`  group ${planned.group}: ${planned.load}, ${100 * planned.plantedLoss} % planted`);
      journal.append({ group: await recordGroup(planned, { pair, slots, cost, seed, progress }) });
    }
  } finally {
    await pair?.down();
    await trees.remove();
  }
}

interface Session {
  readonly pair: GatePair;
  readonly slots: GateSlots;
  readonly cost: Readonly<Record<GateLoad, number>>;
  readonly seed: number;
  readonly progress: Progress;
}

async function recordGroup(
  planned: PlannedGroup,
  { pair, slots, cost, seed, progress }: Session,
): Promise<CalibrationGroup> {
  const burned = shareOf(cost, planned.plantedLoss);
  pair.loss.set(burned);
  const recorded: GateSlot[] = [];
  await measureBlocks({
    load: planned.load,
    blocks: gateRules.blocksBetweenRestarts,
    seed: seed + 1000 * planned.group,
    instances: pair,
    slots,
    progress,
    onBlock: (ofBlock) => void recorded.push(...ofBlock),
  });
  return { ...planned, burnedSecondsPerRequest: burned[planned.load], slots: recorded };
}
