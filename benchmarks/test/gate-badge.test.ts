import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { describe, expect, test } from 'vitest';

import { gateBadge } from '../report/gate-badge.ts';
import { counters, gateRecord } from './synthetic-gate.ts';

const passed = gateRecord();
const alarm = gateRecord({
  counters: {
    expected: counters,
    base: counters,
    head: {
      ...counters,
      reads: { ...counters.reads, statements: { 'list-performances': 66, 'find-performance': 46 } },
    },
  },
});
const invalid = gateRecord({ brokenBy: 'foreign load' });
const gates = (quiet: number, alarms: number) => ({
  gates: [...Array.from({ length: quiet }, () => passed), ...Array.from({ length: alarms }, () => alarm)],
});

describe('the badge of the gate', () => {
  test.each([
    [5, 0, '0 of 5 false alarms, 46 % at most', 'orange'],
    [20, 0, '0 of 20 false alarms, 14 % at most', 'brightgreen'],
    [19, 1, '1 of 20 false alarms, 22 % at most', 'orange'],
    [1, 1, '1 of 2 false alarms, 98 % at most', 'red'],
  ] as const)('after %d quiet gates and %d alarms says: %s', (quiet, alarms, message, color) => {
    expect(gateBadge(gates(quiet, alarms))).toEqual({ schemaVersion: 1, label: 'gate', message, color });
  });

  test('counts no gate that was invalid, and does not look green without any', () => {
    const { message, color } = gateBadge({ gates: [invalid, invalid] });
    expect([message, color]).toEqual(['not calibrated', 'lightgrey']);
    expect(gateBadge({ gates: [...gates(5, 0).gates, invalid] }).message).toContain('0 of 5');
  });
});

describe('gate-badge', () => {
  const lab = (...args: readonly string[]) =>
    execa('node', ['benchmarks/cli.ts', 'gate-badge', ...args], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      reject: false,
    });

  test('writes it beside the calibration, and names what is missing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'calibration-'));
    try {
      const missing = await lab(folder);
      expect(missing.exitCode).not.toBe(0);
      expect(missing.stderr).toContain(`${folder}/calibration.ndjson: make gate-calibrate`);

      const conditions = { commit: 'a'.repeat(40), seed: 1, fingerprint: passed.fingerprint };
      const lines = [{ conditions }, { gate: passed }, { gate: passed }].map((line) => JSON.stringify(line));
      await writeFile(join(folder, 'calibration.ndjson'), `${lines.join('\n')}\n`);
      expect(await lab(folder)).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(await readFile(join(folder, 'badge.json'), 'utf8'))).toMatchObject({
        message: '0 of 2 false alarms, 78 % at most',
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
