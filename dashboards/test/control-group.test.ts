import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';

import { type ControlGroup, createControlGroup } from '../proof/control-group.ts';

function scratchFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'control-group-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const versionOne = { 'cpu/cpu.cfs_quota_us': '-1\n', 'memory/memory.limit_in_bytes': '9223372036854771712\n' };
const versionTwo = { 'cgroup.subtree_control': 'cpuset cpu io memory pids\n' };
const limits = { cores: 0.2, memoryBytes: 2 ** 28 };

/** @throws when it is impossible */
function createdIn(mount: string): ControlGroup {
  const group = createControlGroup('one', mount);
  if ('impossible' in group) throw new Error(group.impossible);
  return group;
}

/** What was written below a folder, by file. */
function writtenIn(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe('a control group', () => {
  it('has its limits in version 1, and none any more', () => {
    const mount = scratchFolder(versionOne);
    const group = createdIn(mount);
    expect(group.folders).toEqual([join(mount, 'cpu/one'), join(mount, 'memory/one')]);
    group.limit(limits);
    expect(writtenIn(join(mount, 'cpu/one'))).toEqual({ 'cpu.cfs_period_us': '100000', 'cpu.cfs_quota_us': '20000' });
    expect(writtenIn(join(mount, 'memory/one'))).toEqual({ 'memory.limit_in_bytes': '268435456' });
    group.limit(undefined);
    expect(writtenIn(join(mount, 'cpu/one'))).toMatchObject({ 'cpu.cfs_quota_us': '-1' });
    expect(writtenIn(join(mount, 'memory/one'))).toEqual({ 'memory.limit_in_bytes': '-1' });
  });

  it('has its limits in version 2, and none any more', () => {
    const mount = scratchFolder(versionTwo);
    const group = createdIn(mount);
    expect(group.folders).toEqual([join(mount, 'one')]);
    group.limit(limits);
    expect(writtenIn(join(mount, 'one'))).toEqual({ 'cpu.max': '20000 100000', 'memory.max': '268435456' });
    group.limit(undefined);
    expect(writtenIn(join(mount, 'one'))).toEqual({ 'cpu.max': 'max 100000', 'memory.max': 'max' });
  });

  it.each([
    ['no control groups', {}, /has no control groups/],
    ['none for memory', { 'cgroup.subtree_control': 'cpu pids\n' }, /has no control groups for CPU and memory/],
    ['one of that name', { ...versionOne, 'memory/one/tasks': '' }, /does not let us make a control group: .*EEXIST/],
  ])('can not be where there is %s, and leaves nothing', (_what, files, reason) => {
    const mount = scratchFolder(files);
    expect(createControlGroup('one', mount)).toEqual({ impossible: expect.stringMatching(reason) });
    expect(existsSync(join(mount, 'cpu/one'))).toBe(false);
  });

  it('holds a process and its limits, by the word of this kernel', async ({ skip }) => {
    const group = createControlGroup(`ticketing-test-${process.pid}`);
    if ('impossible' in group) {
      console.warn(`SKIPPED  a process in a control group: ${group.impossible}`);
      skip(group.impossible);
      return;
    }
    onTestFinished(() => group.remove());
    const burning = scratchFolder({ 'burn.mjs': 'const end = Date.now() + 500;\nwhile (Date.now() < end);\n' });
    const throttledPeriods = async (): Promise<number> => {
      const entry = new URL('../proof/run-in-control-group.ts', import.meta.url).pathname;
      await execa(process.execPath, [entry, join(burning, 'burn.mjs'), ...group.folders]);
      const statistics = readFileSync(join(group.folders[0] ?? '', 'cpu.stat'), 'utf8');
      return Number(/^nr_throttled (\d+)$/m.exec(statistics)?.[1]);
    };
    expect(await throttledPeriods()).toBe(0);
    group.limit(limits);
    const limited = await throttledPeriods();
    expect(limited).toBeGreaterThan(0);
    group.limit(undefined);
    expect(await throttledPeriods()).toBe(limited);
  });
});
