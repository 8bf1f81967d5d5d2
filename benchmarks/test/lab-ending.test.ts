import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { removeLeftovers } from '../environments/scratch.ts';
import { isAlive } from '../probes/process-table.ts';

// Seconds on a machine of its own; the bound is for one that is shared.
describe('a lab that ends while its variants run', { timeout: 90_000 }, () => {
  let temporary: string;
  let lab: ChildProcess;
  /** Asked for at the start: one that crashes may have ended before the test waits for it. */
  let ended: Promise<unknown>;
  let said: string[];

  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'processes-test-'));
    said = [];
  });

  afterEach(async () => {
    if (lab.exitCode === null && lab.signalCode === null) lab.kill('SIGKILL');
    await rm(temporary, { recursive: true, force: true });
  });

  /** In a process group of its own, like a command that was typed at a terminal. */
  function startLab(database: 'postgres' | 'sqlite', ending = 'by signal'): void {
    lab = spawn(
      process.execPath,
      [fileURLToPath(new URL('fixtures/environment-holder.ts', import.meta.url)), database, ending],
      {
        detached: true,
        env: { ...process.env, TMPDIR: temporary },
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    ended = once(lab, 'exit');
    if (!lab.stdout) throw new Error('no output');
    createInterface(lab.stdout).on('line', (line) => said.push(line));
  }

  async function untilUp(): Promise<number[]> {
    const line = await vi.waitUntil(() => said.find((text) => text.startsWith('up ')), { timeout: 60_000 });
    const ids: unknown = JSON.parse(line.slice(3));
    if (!Array.isArray(ids)) throw new Error(line);
    return ids.map(Number);
  }

  it.each([
    ['SIGINT', 'postgres'],
    ['SIGTERM', 'sqlite'],
  ] as const)('leaves nothing after %s to its process group (%s)', async (signal, database) => {
    startLab(database);
    const ids = await untilUp();
    expect(ids.filter(isAlive)).toHaveLength(database === 'postgres' ? 4 : 3);
    process.kill(-(lab.pid ?? 0), signal);
    await ended;
    expect(ids.filter(isAlive)).toStrictEqual([]);
    expect(await readdir(temporary)).toStrictEqual([]);
  });

  it('leaves nothing when it is interrupted while the variants come up', async () => {
    startLab('postgres');
    await vi.waitUntil(async () => (await readdir(temporary)).length > 0, { timeout: 60_000 });
    process.kill(-(lab.pid ?? 0), 'SIGINT');
    await ended;
    expect(await readdir(temporary)).toStrictEqual([]);
    expect(said).toStrictEqual(['coming up']);
  });

  it('leaves nothing when it crashes', async () => {
    startLab('sqlite', 'crash');
    const ids = await untilUp();
    await ended;
    await vi.waitFor(() => expect(ids.filter(isAlive)).toStrictEqual([]));
    expect(await readdir(temporary)).toStrictEqual([]);
  });

  it('leaves no process when it is killed, and the next run names and removes its folder', async () => {
    startLab('postgres');
    const ids = await untilUp();
    lab.kill('SIGKILL');
    await ended;
    await vi.waitFor(() => expect(ids.filter(isAlive)).toStrictEqual([]));
    const [folder = ''] = await readdir(temporary);
    vi.stubEnv('TMPDIR', temporary);
    const steps: string[] = [];
    await removeLeftovers((step) => steps.push(step));
    vi.unstubAllEnvs();
    expect(steps).toStrictEqual([expect.stringContaining(folder)]);
    expect(await readdir(temporary)).toStrictEqual([]);
  });
});
