import { randomInt } from 'node:crypto';
import { join } from 'node:path';

import { type Binary, takeFingerprint } from '../evidence/fingerprint.ts';
import { gateLoads } from '../gate/counters.ts';
import type { GateRecord } from '../gate/gate-record.ts';
import { gateRules, type GateStage } from '../gate/judge-blocks.ts';
import { flaggedLoads, judgeGate } from '../gate/judge-gate.ts';
import { CouldNotRunError } from '../protocol/could-not-run-error.ts';
import type { Progress } from '../protocol/progress.ts';
import type { SlotPorts } from '../protocol/slot.ts';
import { countSources } from './count-sources.ts';
import { readExpectations } from './expectations.ts';
import { type GatePair, startGatePair } from './gate-pair.ts';
import { createGateSlots, type GateSlots } from './gate-slot.ts';
import { measureBlocks } from './measure-blocks.ts';
import { measureSecondsPerRequest, shareOf } from './planted-loss.ts';
import { openWorkTrees, type WorkTree } from './work-trees.ts';

export interface GateRequest {
  /** Anything that git knows as a commit. */
  readonly base: string;
  readonly head: string;
  /** `undefined`: drawn. */
  readonly seed: number | undefined;
  /** Into the head, as a share of its CPU: to see that the gate fails. */
  readonly plantedCpuLoss?: number | undefined;
  readonly ports: SlotPorts;
  readonly binaries: readonly Binary[];
  /** Exists, and is the gate's own. */
  readonly scratch: string;
  readonly progress: Progress;
}

/** What a gate writes into while it runs. */
type OpenRecord = { -readonly [Key in keyof GateRecord]: GateRecord[Key] };

/**
 * Base against head: exact counters first; where none is above its expectation, blocks of both loads; and where these
 * flag a load, fresh blocks of it beside a control. Ends as soon as a regression is certain.
 *
 * @throws {CouldNotRunError} before anything was measured; what breaks later is in the record, whose verdict is INVALID
 */
export async function runGate(request: GateRequest): Promise<GateRecord> {
  const { base: baseRef, head: headRef, ports, scratch, progress, plantedCpuLoss } = request;
  const startedAt = new Date();
  const trees = await openWorkTrees(scratch, (step) => progress.step(step));
  try {
    const base = await trees.checkOut('base', baseRef);
    const head = await trees.checkOut('head', headRef);
    const record: OpenRecord = {
      base: { ref: base.ref, commit: base.commit },
      head: { ref: head.ref, commit: head.commit },
      seed: request.seed ?? randomInt(2 ** 31),
      startedAt: startedAt.toISOString(),
      endedAt: startedAt.toISOString(),
      fingerprint: await takeFingerprint(request.binaries),
      ...(plantedCpuLoss !== undefined && { plantedCpuLoss }),
      screen: [],
      confirmation: [],
    };
    await countBoth(record, { base, head }, request);
    if (judgeGate(record).counters?.above.length === 0) {
      try {
        await measure(record, { base, head }, request);
      } catch (error) {
        ports.signal.throwIfAborted();
        if (record.screen.length === 0) throw new CouldNotRunError('the gate broke before a block was measured', error);
        record.brokenBy = error instanceof Error ? error.message : String(error);
      }
    }
    record.endedAt = new Date().toISOString();
    return record;
  } finally {
    await trees.remove();
  }
}

interface Trees {
  readonly base: WorkTree;
  readonly head: WorkTree;
}

async function countBoth(record: OpenRecord, { base, head }: Trees, { ports, progress }: GateRequest): Promise<void> {
  const expected = await readExpectations(head.path);
  const count = (tree: WorkTree, name: string) => {
    const onStep = (step: string): void => progress.step(`counters of ${name} · ${step}`);
    return countSources({ sources: tree.path, onStep, signal: ports.signal });
  };
  record.counters = { expected, head: await count(head, 'head'), base: await count(base, 'base') };
}

async function measure(record: OpenRecord, trees: Trees, request: GateRequest): Promise<void> {
  const { ports, scratch, progress, plantedCpuLoss } = request;
  const onStep = (step: string): void => progress.step(step);
  const folder = join(scratch, 'pair');
  const canLose = plantedCpuLoss !== undefined;
  const pair = await startGatePair({ ...trees, folder, canLose, onStep, signal: ports.signal });
  try {
    const slots = createGateSlots(ports);
    if (plantedCpuLoss !== undefined) await plantLoss(pair, slots, plantedCpuLoss);
    progress.expect(gateLoads.length * secondsOf('screen'));
    const blocksOf = (stage: GateStage, load: (typeof gateLoads)[number]) =>
      measureBlocks({
        load,
        blocks: gateRules[stage].blocks,
        // Other orders and other reads than in the screen, and in the other load.
        seed: record.seed + 1000 * gateLoads.indexOf(load) + (stage === 'screen' ? 0 : 500),
        instances: pair,
        slots,
        progress,
        onBlock: (ofBlock) => void record[stage].push(...ofBlock),
      });
    for (const load of gateLoads) await blocksOf('screen', load);
    const flagged = flaggedLoads(record.screen);
    if (flagged.length === 0) return;
    progress.note(
      `  the screen flags ${flagged.join(' and ')}: ${gateRules.confirmation.blocks} fresh blocks, with a control`,
    );
    progress.expect(flagged.length * secondsOf('confirmation'));
    await pair.addControl();
    for (const load of flagged) {
      await blocksOf('confirmation', load);
      if (judgeGate(record).verdict === 'FAIL') return;
    }
  } finally {
    await pair.down();
  }
}

/** As it was seen: warm-up, window, tail, the start of k6, and its results; and a restart with its warm-up. */
const blockSeconds = 14;
const restartSeconds = 20;

function secondsOf(stage: GateStage): number {
  const { blocks } = gateRules[stage];
  return blocks * blockSeconds + (blocks / gateRules.blocksBetweenRestarts) * restartSeconds;
}

async function plantLoss(pair: GatePair, slots: GateSlots, share: number): Promise<void> {
  pair.loss.set(shareOf(await measureSecondsPerRequest(await pair.restart(), slots), share));
}
