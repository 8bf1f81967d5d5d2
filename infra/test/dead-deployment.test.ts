import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';

import { takeOverFromTheDead } from '../deploy/dead-deployment.ts';
import { findOrphanedPlugins, listProcesses } from '../deploy/running-processes.ts';

let folder = '';
let steps: string[] = [];
let cancelled = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'locks-'));
  steps = [];
  cancelled = 0;
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const takeOver = (endsWithinMs = 200): Promise<void> => {
  const stack = { cancel: async () => void cancelled++ };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of the stack nothing else is used
  const session = { stack, folder } as unknown as Parameters<typeof takeOverFromTheDead>[0];
  return takeOverFromTheDead(session, (step) => steps.push(step), { endsWithinMs });
};

async function lock(pid: number, host = hostname()): Promise<void> {
  const path = join(folder, '.pulumi/locks/organization/ticketing/dev');
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'one.json'), JSON.stringify({ pid, hostname: host, username: 'nobody' }));
}

/** A program of this name that does nothing for a minute. */
async function program(name: string): Promise<string> {
  const path = join(folder, name);
  await copyFile(execFileSync('sh', ['-c', 'command -v sleep'], { encoding: 'utf8' }).trim(), path);
  await chmod(path, 0o755);
  return path;
}

async function startPulumi(): Promise<ChildProcess> {
  const child = spawn(await program('pulumi'), ['60']);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child;
}

async function deadProcess(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('the lock of a deployment', () => {
  test('that was never taken is no matter', async () => {
    await takeOver();
    expect([cancelled, steps]).toEqual([0, []]);
  });

  test('that died is taken away, with a word', async () => {
    await lock(await deadProcess());
    await takeOver();
    expect([cancelled, steps]).toEqual([1, ['a deployment was killed: its lock is taken away']]);
  });

  test('that died is taken away when its number is another program’s by now', async () => {
    await lock(process.pid);
    await takeOver();
    expect(cancelled).toBe(1);
  });

  test('that goes on is left alone, and its owner is named', async () => {
    const { pid = 0 } = await startPulumi();
    await lock(pid);
    await expect(takeOver()).rejects.toThrow(new RegExp(`Another deployment has the stack: process ${pid}`));
    expect(cancelled).toBe(0);
  });

  test('that is just ending is waited for', async () => {
    const pulumi = await startPulumi();
    await lock(pulumi.pid ?? 0);
    const takingOver = takeOver(20_000);
    await expect.poll(() => steps.join('\n')).toContain(`process ${pulumi.pid} has the stack: waiting`);
    pulumi.kill('SIGKILL');
    await takingOver;
    expect(cancelled).toBe(1);
  });

  test('of another machine is left alone', async () => {
    await lock(1, 'elsewhere');
    await expect(takeOver()).rejects.toThrow('process 1 on elsewhere');
    expect(cancelled).toBe(0);
  });
});

describe('plugins', () => {
  const pulumi = { id: 2, parentId: 1, program: 'pulumi' };
  const plugin = { id: 3, parentId: 2, program: 'pulumi-resource' };

  test('are orphans when their Pulumi is dead, and only then', () => {
    expect(findOrphanedPlugins([pulumi, plugin])).toEqual([]);
    expect(findOrphanedPlugins([plugin])).toEqual([plugin]);
    expect(findOrphanedPlugins([{ ...plugin, program: 'node' }])).toEqual([]);
  });

  test('that a dead deployment has left at work are ended before its lock is taken away', async () => {
    const path = await program('pulumi-resource-docker');
    const id = Number(execFileSync('sh', ['-c', `'${path}' 60 >/dev/null 2>&1 & echo $!`], { encoding: 'utf8' }));
    const isThere = async () =>
      (await listProcesses()).some((one) => one.id === id && /^pulumi-[\w-]+$/.test(one.program));
    expect(await isThere()).toBe(true);
    await lock(await deadProcess());
    await takeOver();
    await expect.poll(isThere).toBe(false);
    expect(steps.at(-1)).toBe('a deployment was killed: its lock is taken away');
    expect(steps.join('\n')).toContain(`process ${id}, was left at work: ended`);
  });
});
