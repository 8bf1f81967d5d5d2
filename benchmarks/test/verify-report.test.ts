import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { main } from '../cli.ts';
import type { RunEvidence } from '../evidence/trials-schema.ts';
import { writeEvidence } from '../evidence/write-evidence.ts';
import { differencesOf } from '../report/differences.ts';
import { verifyReport } from '../report/verify-report.ts';
import { writeReport } from '../report/write-report.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';
import { syntheticCrashes } from './synthetic-trials.ts';

const blocks = syntheticEvidence({ sweep: false, closed: false });
const trials = syntheticCrashes();

let scratch: string;
let folder: string;

beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'verify-'));
});

afterEach(() => rm(scratch, { recursive: true }));

async function place(evidence: RunEvidence): Promise<void> {
  folder = path.join(scratch, evidence.run.id);
  await writeEvidence(folder, evidence);
  await writeReport(folder);
}

async function tamper(file: string, change: (text: string) => string): Promise<void> {
  const name = path.join(folder, file);
  const text = await readFile(name, 'utf8');
  const changed = change(text);
  expect(changed).not.toBe(text);
  await writeFile(name, changed);
}

/** The first figure with a point in it that stands after `mark`, with its last digit turned. */
const turnDigit = (mark: string) => (text: string) => {
  const at = text.indexOf(mark);
  return (
    text.slice(0, at) +
    text.slice(at).replace(/(\.\d*)(\d)/, (_, before: string, digit: string) => before + ((Number(digit) + 1) % 10))
  );
};

it.each([
  ['blocks', blocks],
  ['trials', trials],
])('finds nothing in a report of %s that is as its evidence says', async (_, evidence) => {
  await place(evidence);
  expect(await verifyReport(folder)).toEqual([]);
});

describe('names the file, the line and both readings', () => {
  beforeEach(() => place(blocks));

  it.each([
    ['report.md', 'CONFIRMED'],
    ['index.html', '<h1>'],
    ['index.html', '<tbody>'],
    ['claim.svg', '<desc'],
  ])('when one digit was changed in %s after %s', async (file, mark) => {
    await tamper(file, turnDigit(mark));
    const problems = await verifyReport(folder);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(String.raw`^${file}:\d+: says ".*\.\d+.*", the evidence gives ".*\.\d+`));
  });

  it('when several were, and counts what is too much to print', async () => {
    await tamper('report.md', (text) => text.replaceAll('%', '‰'));
    const problems = await verifyReport(folder);
    expect(problems).toHaveLength(6);
    expect(problems.at(-1)).toMatch(/^report\.md: \d+ more lines$/);
  });

  it('when a line was taken away', async () => {
    await tamper('report.md', (text) => text.replace(/\n\*\*Claim:.*\n/, '\n'));
    expect(await verifyReport(folder)).toEqual([
      expect.stringMatching(/^report\.md:\d+: says "", the evidence gives "\\?\*\*Claim/),
      expect.stringMatching(/^report\.md: has \d+ lines, the evidence gives \d+$/),
    ]);
  });

  it('when a sample was changed: the hash of its file does not fit', async () => {
    await tamper('samples.ndjson', turnDigit('database_cpu_seconds'));
    expect(await verifyReport(folder)).toEqual([
      expect.stringMatching(/^samples\.ndjson: SHA-256 is [0-9a-f]{64}, run\.json says [0-9a-f]{64}; restore/),
    ]);
  });

  it('when what run.json says was changed: the report was written from something else', async () => {
    await tamper('run.json', (text) => text.replace('"bound": 20', '"bound": 10'));
    const problems = await verifyReport(folder);
    expect(problems.some((problem) => /^report\.md:\d+: says "[^"]*20/.test(problem))).toBe(true);
  });

  it('when a file is missing, too much, or in another run’s folder', async () => {
    await rm(path.join(folder, 'claim.svg'));
    await writeFile(path.join(folder, 'better.svg'), '<svg/>');
    expect(await verifyReport(folder)).toEqual([
      `claim.svg: is not there; make report RUN=reports/${blocks.run.id} writes it`,
      'better.svg: is neither evidence nor part of the report; remove it',
    ]);
    await rm(folder, { recursive: true });
    await writeEvidence(folder, trials);
    await writeReport(folder);
    expect(await verifyReport(folder)).toEqual([`run.json: is of the run "${trials.run.id}"; rename the folder to it`]);
  });
});

it('shows of a long line the words that differ, and those beside them', () => {
  const line = (share: string) => `With the cache PostgreSQL used ${share} of a core at 293 reads/s.`;
  expect(differencesOf('report.md', `a\n${line('3.65 %')}`, `a\n${line('3.66 %')}`)).toEqual([
    'report.md:2: says "used 3.65 % of", the evidence gives "used 3.66 % of"',
  ]);
  expect(differencesOf('report.md', 'same', 'same')).toEqual([]);
});

it('ends on the command line with 0 for a sound report and with 1 for a tampered one', async () => {
  await place(trials);
  let printed = '';
  const output = { write: (text: string) => (printed += text) };
  const lab = () => main(['verify', folder], { stdout: output, stderr: output, signal: new AbortController().signal });
  expect(await lab()).toBe(0);
  expect(printed).toBe(`✓ ${trials.run.id}\n`);
  await tamper('report.md', (text) => text.replace('0 of 50', '1 of 50'));
  expect(await lab()).toBe(1);
  expect(printed).toMatch(/✗ .*\n {4}report\.md:1: says "Stream: 1 of 50.*", the evidence gives "Stream: 0 of 50/);
});
