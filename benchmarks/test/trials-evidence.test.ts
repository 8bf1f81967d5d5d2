import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { readEvidence } from '../evidence/read-evidence.ts';
import type { Trial, TrialsEvidence } from '../evidence/trials-schema.ts';
import { sha256, writeEvidence } from '../evidence/write-evidence.ts';
import { writeReport } from '../report/write-report.ts';
import { syntheticCrashes } from './synthetic-trials.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trials-evidence-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const read = (name: string) => readFile(join(folder, name), 'utf8');

describe('evidence of a run in trials', () => {
  test('is read as it was written, with the hash of its trials', async () => {
    const evidence = syntheticCrashes();
    await writeEvidence(folder, evidence);
    const files = { 'trials.ndjson': sha256(await read('trials.ndjson')) };
    expect(await readEvidence(folder)).toEqual({ ...evidence, run: { ...evidence.run, files } });
  });

  test('has a report of its own', async () => {
    await writeEvidence(folder, syntheticCrashes());
    await writeReport(folder);
    expect(await read('report.md')).toContain('CONFIRMED');
  });

  test('is refused when a trial was changed by hand', async () => {
    await writeEvidence(folder, syntheticCrashes());
    const text = await read('trials.ndjson');
    await writeFile(join(folder, 'trials.ndjson'), text.replace(/"lost":\d+/, '"lost":7'));
    await expect(readEvidence(folder)).rejects.toThrow(/^trials\.ndjson: SHA-256 is/);
  });

  test.each<[string, Partial<Trial>, RegExp]>([
    ['of an unknown series', { series: 'nobody' }, /series "nobody" is not in run\.json/],
    ['with a gap before it', { trial: 4 }, /has trial 4 where 2 was expected/],
    ['beyond those that were asked for', { trial: 99 }, /trial 99 of "async", of which there are 50/],
    ['whose jobs do not add up', { stored: 1, lost: 1, deadLettered: 0 }, /accepted are not 1 stored \+ 0 dead-l/],
    ['with more accepted than offered', { offered: 1 }, /accepted of 1 offered/],
    ['with a value that nobody defined', { values: { surprise: 1 } }, /value "surprise" is not defined/],
    ['with recoveries from no fault', { faults: 0, recoverySeconds: [1] }, /1 recoveries from 0 faults/],
  ])('is refused with a trial %s, naming its line', async (_, change, problem) => {
    const { run, trials } = syntheticCrashes();
    const changed = trials.map((trial, index) => (index === 1 ? { ...trial, ...change } : trial));
    const refused = writeEvidence(folder, { run, trials: changed });
    await expect(refused).rejects.toThrow(problem);
    await expect(refused).rejects.toThrow(/^trials\.ndjson:2: /);
  });

  const comparison = { value: 'rate', numerator: 'async', denominator: 'stream' };
  test.each<[string, (run: TrialsEvidence['run']) => void, RegExp]>([
    ['a series twice', ({ experiment }) => experiment.series.push(...experiment.series), /series "async" stands there/],
    ['a comparison of an undefined value', ({ experiment }) => experiment.comparisons.push(comparison), /value "rate"/],
    [
      'something to be shown by a promise',
      ({ experiment }) => Object.assign(experiment.series[1] ?? {}, { mustShow: 'lost' }),
      /series "stream" must show something and is no control/,
    ],
    ['a skipped series it does not have', ({ skipped }) => skipped.push({ series: 'x', reason: '' }), /series "x" is/],
    [
      'a skipped series that ran',
      ({ skipped }) => skipped.push({ series: 'async', reason: '' }),
      /"async" was skipped/,
    ],
  ])('is refused with %s', async (_, change, problem) => {
    const evidence = structuredClone(syntheticCrashes());
    change(evidence.run);
    await expect(writeEvidence(folder, evidence)).rejects.toThrow(problem);
  });
});
