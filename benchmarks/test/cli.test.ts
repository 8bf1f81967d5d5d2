import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { main, worstStatus } from '../cli.ts';
import type { RunEvidence } from '../evidence/trials-schema.ts';
import { writeEvidence } from '../evidence/write-evidence.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';
import { syntheticCrashes } from './synthetic-trials.ts';

let folder: string;
let printed: string;
let complained: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-test-'));
  [printed, complained] = ['', ''];
});

afterEach(() => rm(folder, { recursive: true }));

const lab = (...argv: readonly string[]): Promise<number> =>
  main(argv, {
    stdout: { write: (text) => (printed += text) },
    stderr: { write: (text) => (complained += text) },
    signal: new AbortController().signal,
  });

async function report(evidence: RunEvidence): Promise<number> {
  await writeEvidence(folder, evidence);
  return lab('report', folder);
}

describe('the report of a run', () => {
  it('of blocks prints the verdict and ends with its status', async () => {
    expect(await report(syntheticEvidence())).toBe(0);
    expect(printed).toMatch(/\nCONFIRMED\. .*\n[^]*index\.html\n[^]*exit status 0/);
    expect(await readdir(folder)).toContain('report.md');
  });

  it('of trials prints one line a fault before the verdict', async () => {
    expect(await report(syntheticCrashes())).toBe(0);
    expect(printed).toMatch(/^\nseries +tries +accepted .*verdict\n✓ .*\n✓ .*HOLDS\n\nCONFIRMED\. /);
  });

  it('ends with 1 when a promise did not hold', async () => {
    const { run, trials } = syntheticCrashes();
    const losing = trials.map((trial, index) =>
      index === trials.length - 1 ? { ...trial, lost: 1, stored: trial.stored - 1 } : trial,
    );
    expect(await report({ run, trials: losing })).toBe(1);
    expect(printed).toContain('REFUTED.');
  });

  it('ends with 3 when a control was not caught', async () => {
    const { run, trials } = syntheticCrashes();
    const blind = trials.map((trial) => ({ ...trial, lost: 0, stored: trial.accepted - trial.deadLettered }));
    expect(await report({ run, trials: blind })).toBe(3);
    expect(printed).toMatch(/INVALID\. .*harness is blind/);
  });

  it.each(['report', 'verify'])(
    '%s ends with 4 when there is no such run, and names those that are there',
    async (command) => {
      expect(await lab(command, join(folder, 'nowhere'))).toBe(4);
      expect(complained).toMatch(/could not run: there is no run at .*nowhere; in reports\/ there are 2026-/);
    },
  );

  it('ends with 4 when the folder has no evidence', async () => {
    expect(await lab('report', folder)).toBe(4);
    expect(complained).toMatch(/could not run: run\.json: cannot be read/);
  });
});

describe('the command line', () => {
  it.each([
    [['run', '--experiment', 'nobody'], /Allowed choices are (?:[a-z-]+, )*performance-cache/],
    [['faults', '--row', 'nobody'], /Allowed choices are consumer-sigkill/],
    [['faults', '--seed', 'many'], /It must be a whole number from 0/],
    [['fly'], /unknown command 'fly'/],
  ])('refuses %j with status 64', async (argv, complaint) => {
    expect(await lab(...argv)).toBe(64);
    expect(complained).toMatch(complaint);
  });

  it('ends with the worst status of several experiments, and what has no answer is worse than a bad one', () => {
    expect(worstStatus([0, 0])).toBe(0);
    expect(worstStatus([0, 2])).toBe(2);
    expect(worstStatus([1, 2])).toBe(1);
    expect(worstStatus([1, 3, 0])).toBe(3);
    expect(worstStatus([3, 4])).toBe(4);
  });
});
