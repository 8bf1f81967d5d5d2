import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { analyzeRun } from '../analysis/analyze-run.ts';
import { discardedId } from '../evidence/discarded-attempts.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import { runRecordSchema } from '../evidence/schema.ts';
import type { Evidence, RunRecord, Slot } from '../evidence/schema.ts';
import { sha256, writeEvidence } from '../evidence/write-evidence.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evidence-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const read = (name: string) => readFile(join(folder, name), 'utf8');

/** Changes a file and signs it again, so that only what it says is wrong. */
async function rewrite(name: string, change: (text: string) => string): Promise<void> {
  const text = change(await read(name));
  await writeFile(join(folder, name), text);
  const run = runRecordSchema.parse(JSON.parse(await read('run.json')));
  await writeFile(join(folder, 'run.json'), JSON.stringify({ ...run, files: { ...run.files, [name]: sha256(text) } }));
}

const changeLine = (number: number, change: (line: string) => string) => (text: string) =>
  text
    .split('\n')
    .map((line, index) => (index === number - 1 ? change(line) : line))
    .join('\n');

/** As it is written when `block-2-3` was disturbed once. */
function withDiscarded(change: (slots: Slot[]) => Slot[] = (slots) => slots): Evidence {
  const evidence = syntheticEvidence();
  const again = evidence.run.slots.flatMap((slot) =>
    slot.attempt > 1 ? [{ ...slot, id: discardedId(slot.id, 1), attempt: 1 }] : [],
  );
  const samples = again.map(({ id }) => ({
    slot: id,
    metric: 'window_seconds',
    value: 4,
    unit: 'seconds',
    source: 'invented',
  }));
  return {
    ...evidence,
    run: { ...evidence.run, discarded: change(again) },
    samples: [...evidence.samples, ...samples],
  };
}

describe('attempts that were discarded', () => {
  test('are part of the evidence, under ids of their own', async () => {
    const evidence = withDiscarded();
    await writeEvidence(folder, evidence);
    const back = await readEvidence(folder);
    expect(back.run).toMatchObject({ discarded: [{ id: 'block-2-3-attempt-1', attempt: 1 }] });
    expect(back).toMatchObject({ samples: evidence.samples });
  });

  test('change no figure of the analysis', () => {
    const { readings: _, ...without } = analyzeRun(syntheticEvidence());
    const { readings: __, ...having } = analyzeRun(withDiscarded());
    expect(having).toEqual(without);
  });

  test.each<[string, (slots: Slot[]) => Slot[], string]>([
    ['one is missing', () => [], '"block-2-3-attempt-1" is missing'],
    ['one is there twice', (slots) => [...slots, ...slots], '"block-2-3-attempt-1" stands there twice'],
    [
      'one is of a slot that stood at once',
      (slots) => [...slots, ...slots.map((slot) => ({ ...slot, id: 'block-1-1-attempt-1' }))],
      '"block-1-1-attempt-1" stands there twice, or belongs to no slot',
    ],
  ])('are refused when %s', async (_, change, problem) => {
    await expect(writeEvidence(folder, withDiscarded(change))).rejects.toThrow(problem);
  });
});

describe('writeEvidence and readEvidence', () => {
  test('give back what was written, with the hashes of both files', async () => {
    const evidence = syntheticEvidence();
    await writeEvidence(folder, evidence);
    const back = await readEvidence(folder);
    const files = {
      'samples.ndjson': sha256(await read('samples.ndjson')),
      'latency.ndjson': sha256(await read('latency.ndjson')),
    };
    expect(back).toEqual({ ...evidence, run: { ...evidence.run, files } });
  });

  test('give the same bytes whatever the order of the keys', async () => {
    await writeEvidence(folder, syntheticEvidence());
    const first = await read('run.json');
    const { run, ...rest } = syntheticEvidence();
    await writeEvidence(folder, { ...rest, run: Object.assign({ files: {}, slots: [] }, run) });
    expect(await read('run.json')).toBe(first);
  });

  test('keep a run of 10 blocks with sweep and closed slots below 1 MB', async () => {
    await writeEvidence(folder, syntheticEvidence({ blocks: 10 }));
    const sizes = await Promise.all(['run.json', 'samples.ndjson', 'latency.ndjson'].map(read));
    expect(sizes.join('').length).toBeLessThan(1_000_000);
  });
});

describe('readEvidence refuses', () => {
  beforeEach(async () => writeEvidence(folder, syntheticEvidence({ sweep: false, closed: false })));

  test('a folder without run.json', async () => {
    await rm(join(folder, 'run.json'));
    await expect(readEvidence(folder)).rejects.toThrow(/^run\.json: cannot be read from .*record the run again$/);
  });

  test('a number changed by hand', async () => {
    const name = 'samples.ndjson';
    await writeFile(join(folder, name), (await read(name)).replace('"value":', '"value":1'));
    await expect(readEvidence(folder)).rejects.toThrow(/^samples\.ndjson: SHA-256 is [0-9a-f]{64}, run\.json says/);
  });

  test.each([
    [
      'a sample of an unknown slot',
      (line: string) => line.replace('calibration-1', 'calibration-9'),
      /is not in run\.json/,
    ],
    ['a field too many', (line: string) => line.replace('{', '{"extra":1,'), /Unrecognized key/],
    ['a line that is no JSON', (line: string) => line.slice(1), /is not JSON/],
    ['a number that is a word', (line: string) => line.replace(/"value":[^,]+/, '"value":"many"'), /value/],
  ])('%s, naming the line', async (_, change, message) => {
    await rewrite('samples.ndjson', changeLine(3, change));
    await expect(readEvidence(folder)).rejects.toThrow(/^samples\.ndjson:3: /);
    await expect(readEvidence(folder)).rejects.toThrow(message);
  });

  test('a sample that is there twice, naming both lines', async () => {
    await rewrite('samples.ndjson', (text) => text + text.slice(0, text.indexOf('\n') + 1));
    await expect(readEvidence(folder)).rejects.toThrow(/^samples\.ndjson:\d+: "calibration-1\/.*was already on line 1/);
  });

  test('a last line that was cut off', async () => {
    await rewrite('latency.ndjson', (text) => text.slice(0, -5));
    await expect(readEvidence(folder)).rejects.toThrow(/^latency\.ndjson:\d+: the last line is cut off/);
  });

  test('a histogram whose buckets do not add up', async () => {
    await rewrite(
      'latency.ndjson',
      changeLine(2, (line) => line.replace('"count":', '"count":9')),
    );
    await expect(readEvidence(folder)).rejects.toThrow(/^latency\.ndjson:2: the buckets hold/);
  });

  test('latencies of which a line is missing, naming the slot', async () => {
    await rewrite('latency.ndjson', (text) => text.slice(text.indexOf('\n') + 1));
    await expect(readEvidence(folder)).rejects.toThrow(
      /^latency\.ndjson: slot "calibration-1" has the latencies of 118 requests, samples\.ndjson says 592/,
    );
  });

  test.each<[string, (run: RunRecord) => void, RegExp]>([
    [
      'a slot that is there twice',
      (run) => run.slots.push(...run.slots.slice(0, 1)),
      /slot "calibration-1" stands there twice/,
    ],
    [
      'two slots in one place',
      (run) => Object.assign(run.slots[4] ?? {}, { position: 1 }),
      /stand at block 1, position 1/,
    ],
    [
      'variants that did not take turns as the seed says',
      (run) => {
        for (const slot of run.slots.filter(({ block }) => block === 2)) {
          slot.variant = slot.variant === 'before' ? 'after' : 'before';
        }
      },
      /measured slot "block-2-1" is of "[a-z]+", and seed 20261124 draws .* were the variants swapped/,
    ],
    [
      'an unknown calibration slot',
      (run) => run.calibration?.slots.push('nowhere'),
      /calibration names slot "nowhere"/,
    ],
    [
      'a claim about no primary metric',
      (run) => (run.experiment.claim.metric = 'hit_ratio'),
      /claim speaks of "hit_ratio"/,
    ],
    ['a tested metric without a floor', (run) => delete run.experiment.metrics[0]?.floor, /needs a floor/],
  ])('%s in run.json', async (_, change, message) => {
    const run = runRecordSchema.parse(JSON.parse(await read('run.json')));
    change(run);
    await writeFile(join(folder, 'run.json'), JSON.stringify(run));
    await expect(readEvidence(folder)).rejects.toThrow(message);
  });
});

test('writeEvidence refuses what readEvidence would', async () => {
  const evidence = syntheticEvidence();
  const samples = [...evidence.samples, ...evidence.samples.slice(0, 1)];
  await expect(writeEvidence(folder, { ...evidence, samples })).rejects.toThrow(/was already on line 1/);
});
