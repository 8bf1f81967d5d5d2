import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, test } from 'vitest';

import { type Calibration, type CalibrationGroup, parseCalibration } from '../gate/calibration-record.ts';
import { recordedBlocks, summarizeCalibration } from '../gate/calibration-report.ts';
import { gateMetrics } from '../gate/gate-metrics.ts';
import { type RecordedBlock, simulateGates } from '../gate/simulated-gates.ts';
import { openCalibrationJournal } from '../gate-run/calibration-journal.ts';
import { missingGroups, planCalibration } from '../gate-run/calibration-plan.ts';
import { calibrationGroup, gateRecord } from './synthetic-gate.ts';

const groupsOf = (count: number, over: Parameters<typeof calibrationGroup>[0] = {}): CalibrationGroup[] =>
  Array.from({ length: count }, (_, group) => calibrationGroup({ ...over, group }));
const blocksOf = (groups: readonly CalibrationGroup[]): RecordedBlock[][] =>
  groups.map((group) => recordedBlocks(group, gateMetrics[0]) ?? []);

describe('simulated gates', () => {
  const gates = 2000;

  test('of the same code raise no alarm at a block noise of 5 %', () => {
    const counts = simulateGates(blocksOf(groupsOf(20, { noise: 0.05 })), { gates, seed: 1 });
    expect(counts.regression).toBe(0);
    expect(counts['not-flagged']).toBeGreaterThan(0.9 * gates);
  });

  test('catch a loss of 10 and of 20 % at that noise, the larger one more often', () => {
    const caught = (plantedLoss: number): number =>
      simulateGates(blocksOf(groupsOf(20, { plantedLoss, noise: 0.05 })), { gates, seed: 1 }).regression / gates;
    // The control's own interval misses 1 in one of twenty gates: nothing is certain beyond that.
    expect(caught(0.2)).toBeGreaterThan(0.9);
    expect(caught(0.1)).toBeGreaterThan(0.7);
    expect(caught(0.1)).toBeLessThan(caught(0.2));
  });

  test('are the same for the same seed, and account for every gate', () => {
    const blocks = blocksOf(groupsOf(8, { plantedLoss: 0.05, noise: 0.05 }));
    const counts = simulateGates(blocks, { gates, seed: 3 });
    expect(simulateGates(blocks, { gates, seed: 3 })).toEqual(counts);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(gates);
  });

  test('are not drawn from nothing, or from groups that no gate has', () => {
    expect(() => simulateGates([], { gates, seed: 1 })).toThrow(RangeError);
    expect(() => simulateGates([[{ head: 0, control: 0 }]], { gates, seed: 1 })).toThrow(/one of 1/);
    const screened = [{ head: 0 }, { head: 0 }, { head: 0 }];
    expect(() => simulateGates([screened], { gates, seed: 1 })).toThrow(/some with a control/);
    expect(simulateGates([screened, ...blocksOf(groupsOf(1))], { gates: 10, seed: 1 })['not-flagged']).toBe(10);
  });
});

describe('the plan of a calibration', () => {
  const plan = planCalibration(1, { blocksWithoutLoss: 60, blocksOfEachLoss: 24 });

  test('has all blocks of each kind for each load, each group once', () => {
    const blocks = (load: string, loss: number): number =>
      3 * plan.filter((group) => group.load === load && group.plantedLoss === loss).length;
    for (const load of ['reads', 'seat-creation']) {
      expect([0, 0.1, 0.2].map((loss) => blocks(load, loss))).toEqual([60, 24, 24]);
    }
    expect(plan.map(({ group }) => group)).toEqual(plan.map((_, index) => index));
  });

  test('mixes the kinds, the same way for the same seed', () => {
    const firstHalf = plan.slice(0, plan.length / 2).filter(({ plantedLoss }) => plantedLoss > 0).length;
    expect(firstHalf).toBeGreaterThan(5);
    expect(firstHalf).toBeLessThan(27);
    expect(planCalibration(1, { blocksWithoutLoss: 60, blocksOfEachLoss: 24 })).toEqual(plan);
    expect(planCalibration(2, { blocksWithoutLoss: 60, blocksOfEachLoss: 24 })).not.toEqual(plan);
  });
});

describe('what is left of a plan', () => {
  const short = planCalibration(1, { blocksWithoutLoss: 12, blocksOfEachLoss: 6 });
  const full = planCalibration(1, { blocksWithoutLoss: 60, blocksOfEachLoss: 24 });

  test('is nothing when all kinds are there, and the rest of a longer plan after a shorter one', () => {
    expect(missingGroups(short, [])).toEqual(short);
    expect(missingGroups(full, full)).toEqual([]);
    expect(missingGroups(short, full)).toEqual([]);
    const rest = missingGroups(full, short);
    expect(rest).toHaveLength(full.length - short.length);
    expect(missingGroups(full, [...short, ...rest])).toEqual([]);
  });
});

describe('the report of a calibration', () => {
  const calibration = (over: Partial<Calibration> = {}): Calibration => ({
    conditions: { commit: 'a'.repeat(40), seed: 1, fingerprint: gateRecord().fingerprint },
    groups: [...groupsOf(4), ...groupsOf(4, { plantedLoss: 0.2 })],
    gates: Array.from({ length: 5 }, () => gateRecord()),
    ...over,
  });

  test('bounds false alarms of real gates by Clopper and Pearson, and calls the drawn ones simulated', () => {
    const text = summarizeCalibration(calibration()).document;
    expect(text).toMatch(/5 real gates: 5 PASS, 0 FAIL.*False alarms: 0 of 5, 46 % at most/);
    expect(text).toMatch(/\| reads \| none \| .* \| 42 \| < 0\.1 % \[< 0\.1 %, < 0\.1 %\]/);
    expect(text).toMatch(/\| reads \| 20 % \| (19|20|21)\.?\d* % \| 12 \| 100 % \[100 %, 100 %\]/);
    expect(text).toMatch(/Simulated gates know only what was recorded/);
  });

  test('leaves out a group in which a guard did not hold, and says so', () => {
    const [first, ...others] = groupsOf(4);
    const [slot, ...slots] = first?.slots ?? [];
    if (first === undefined || slot === undefined) throw new Error('the group has no slot');
    const broken = { ...slot, broken: [{ guard: 'steal', held: false, observed: '9 %', limit: 'at most 5 %' }] };
    const text = summarizeCalibration(
      calibration({ groups: [{ ...first, slots: [broken, ...slots] }, ...others] }),
    ).document;
    expect(text).toMatch(/23 of 24 groups of 3 blocks count/);
    expect(text).toMatch(/\| reads \| none \| .* \| 39 \|/);
  });
});

describe('the journal of a calibration', () => {
  const folders: string[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });
  const open = async (folder: string, commit = 'a'.repeat(40)) => {
    const notes: string[] = [];
    const conditions = { commit, fingerprint: gateRecord().fingerprint };
    const journal = await openCalibrationJournal({
      folder,
      conditions,
      drawSeed: () => 7,
      note: (text) => notes.push(text),
    });
    return { journal, notes };
  };
  const newFolder = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'calibration-'));
    folders.push(folder);
    return folder;
  };

  test('goes on where a call was cut off in the middle of a line', async () => {
    const folder = await newFolder();
    const { journal } = await open(folder);
    journal.append({ group: calibrationGroup() });
    journal.append({ gate: gateRecord() });
    journal.close();
    const file = join(folder, 'calibration.ndjson');
    await writeFile(file, `${await readFile(file, 'utf8')}{"group":{"gro`);

    const { journal: again, notes } = await open(folder);
    expect(again.found).toEqual({
      conditions: { commit: 'a'.repeat(40), fingerprint: gateRecord().fingerprint, seed: 7 },
      groups: [calibrationGroup()],
      gates: [gateRecord()],
    });
    expect(notes.join()).toMatch(/goes on with 1 groups of blocks and 1 gates/);
    expect(parseCalibration(await again.read()).groups).toHaveLength(1);
    again.close();
  });

  test('begins anew for another commit, and keeps what was recorded', async () => {
    const folder = await newFolder();
    const { journal } = await open(folder);
    journal.append({ group: calibrationGroup() });
    journal.close();
    const { journal: other, notes } = await open(folder, 'b'.repeat(40));
    other.close();
    expect(other.found.groups).toEqual([]);
    expect(notes.join()).toMatch(/begins anew/);
    expect(await readFile(join(folder, `calibration-of-${'a'.repeat(12)}.ndjson`), 'utf8')).toMatch(/"group"/);
  });

  test('that two calls have open at the same time is refused to the second', async () => {
    const folder = await newFolder();
    const { journal } = await open(folder);
    await expect(open(folder)).rejects.toThrow(/in use/);
    journal.close();
  });

  test('names the line that cannot be read', () => {
    expect(() => parseCalibration('{"conditions":{}}\n')).toThrow(/line 1/);
    expect(() => parseCalibration('')).toThrow(/begin with its conditions/);
  });
});
