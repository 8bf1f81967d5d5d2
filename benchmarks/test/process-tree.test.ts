import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { killTree, signalTree, waitUntilGone } from '../faults/process-tree.ts';
import { descendants, isAlive, readProcess, readProcessTable } from '../probes/process-table.ts';

let scratch: string;
let lines: string;
let root: ChildProcess;
let rootId: number;

/** Three generations, each of which writes lines and has new children all the time. */
const family = 'writer() { while :; do echo x; sleep 0.005; done; }; (writer & writer) & writer & writer';

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'process-tree-test-'));
  lines = join(scratch, 'lines');
  await writeFile(lines, '');
  root = spawn('sh', ['-c', `(${family}) >> ${lines}`]);
  rootId = root.pid ?? 0;
  while ((await writtenBytes()) < 100) await sleep(10);
});

afterEach(async () => {
  await killTree(rootId);
  await rm(scratch, { recursive: true });
});

async function writtenBytes(): Promise<number> {
  return (await readFile(lines)).length;
}

async function bytesWrittenIn(milliseconds: number): Promise<number> {
  const before = await writtenBytes();
  await sleep(milliseconds);
  return (await writtenBytes()) - before;
}

const members = (): number[] => [...descendants(readProcessTable(), rootId)];

describe('a tree of processes', () => {
  it('does nothing while it is stopped, children of children included, and goes on afterwards', async () => {
    expect(await bytesWrittenIn(100)).toBeGreaterThan(0);
    signalTree(rootId, 'SIGSTOP');
    await sleep(20);
    expect(await bytesWrittenIn(150)).toBe(0);
    signalTree(rootId, 'SIGCONT');
    await vi.waitFor(async () => expect(await bytesWrittenIn(50)).toBeGreaterThan(0));
  });

  it('still writes when only its root is stopped', async () => {
    process.kill(rootId, 'SIGSTOP');
    await sleep(20);
    expect(await bytesWrittenIn(150)).toBeGreaterThan(0);
  });

  it('is gone to the last grandchild when the kill has resolved, stopped or not', async () => {
    signalTree(rootId, 'SIGSTOP');
    const ids = members();
    expect(ids.length).toBeGreaterThanOrEqual(5);
    await killTree(rootId);
    expect(ids.filter(isAlive)).toStrictEqual([]);
    expect(await bytesWrittenIn(100)).toBe(0);
  });

  it('leaves its children running when only its root is killed', async () => {
    const [, ...children] = members();
    root.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(rootId)).toBe(false));
    expect(await bytesWrittenIn(150)).toBeGreaterThan(0);
    for (const child of children.filter(isAlive)) await killTree(child);
  });
});

describe('a process that has ended', () => {
  it('can be killed and continued again, and not stopped', async () => {
    await killTree(rootId);
    await killTree(rootId);
    signalTree(rootId, 'SIGCONT');
    expect(() => signalTree(rootId, 'SIGSTOP')).toThrow(`process ${rootId} can't be sent SIGSTOP: it does not run`);
  });
});

describe('a process that survives', () => {
  it('is named, with its command', async () => {
    const survivor = readProcess(rootId);
    if (!survivor) throw new Error(`process ${rootId} ended`);
    await expect(waitUntilGone([survivor], 20)).rejects.toThrow(
      new RegExp(`still there 20 ms after SIGKILL: process ${rootId} \\(sh -c `),
    );
  });

  it('is not taken for another one that was given its id', async () => {
    const survivor = readProcess(rootId);
    if (!survivor) throw new Error(`process ${rootId} ended`);
    const predecessor = { ...survivor, startTicks: survivor.startTicks - 1 };
    await expect(waitUntilGone([predecessor], 0)).resolves.toBeUndefined();
  });
});
