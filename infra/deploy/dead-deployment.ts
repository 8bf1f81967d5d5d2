import { readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import { DeployError } from './deploy-error.ts';
import { findOrphanedPlugins, isPulumi, listProcesses } from './running-processes.ts';
import type { Session } from './stack-session.ts';

const lockSchema = z.object({ pid: z.int(), hostname: z.string() });
const lookEveryMs = 250;

/**
 * Takes away the lock of a deployment that was killed on this machine, after ending what it has left at work. Sees locks
 * in the state's own folder only: one in a bucket is refused by Pulumi, and taken away by `pulumi cancel`. A Pulumi at
 * work is given `endsWithinMs`: where its program was killed, it notices when it wants to say something.
 * @throws {DeployError} when another deployment of the stack goes on, or began on another machine
 */
export async function takeOverFromTheDead(
  { stack, folder }: Pick<Session, 'stack' | 'folder'>,
  onStep: (step: string) => void,
  { endsWithinMs = 30_000 }: { readonly endsWithinMs?: number } = {},
): Promise<void> {
  const locks = await readLocks(join(folder, '.pulumi/locks'));
  if (locks.length === 0) return;
  const foreign = locks.find((lock) => lock.hostname !== hostname());
  if (foreign !== undefined) throw locked(`process ${foreign.pid} on ${foreign.hostname}`);
  const living = await waitForEnd(
    locks.map(({ pid }) => pid),
    { onStep, endsWithinMs },
  );
  if (living.length > 0) throw locked(`process ${living.join(', ')}`);
  for (const { id, program } of findOrphanedPlugins(await listProcesses())) {
    process.kill(id, 'SIGKILL');
    onStep(`${program}, process ${id}, was left at work: ended`);
  }
  // Its owner may have given it back in the meantime.
  if ((await readLocks(join(folder, '.pulumi/locks'))).length === 0) return;
  await stack.cancel();
  onStep('a deployment was killed: its lock is taken away');
}

function locked(owner: string): DeployError {
  return new DeployError(
    `Another deployment has the stack: ${owner}. Wait for its end; where it is dead, take its lock away: pulumi cancel`,
  );
}

/** Those that have not ended in time. */
async function waitForEnd(
  owners: readonly number[],
  { onStep, endsWithinMs }: { readonly onStep: (step: string) => void; readonly endsWithinMs: number },
): Promise<readonly number[]> {
  const deadline = Date.now() + endsWithinMs;
  for (let look = 0; ; look++) {
    const processes = await listProcesses();
    const living = owners.filter((owner) => isPulumi(processes, owner));
    if (living.length === 0 || Date.now() > deadline) return living;
    if (look === 0)
      onStep(`process ${living.join(', ')} has the stack: waiting up to ${endsWithinMs / 1_000} s for its end`);
    await sleep(lookEveryMs);
  }
}

async function readLocks(folder: string): Promise<readonly z.output<typeof lockSchema>[]> {
  const locks: z.output<typeof lockSchema>[] = [];
  try {
    for (const entry of await readdir(folder, { recursive: true })) {
      if (!entry.endsWith('.json')) continue;
      locks.push(lockSchema.parse(JSON.parse(await readFile(join(folder, entry), 'utf8'))));
    }
  } catch (error) {
    // A lock that was given back between the two looks is one as well.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  return locks;
}
