import { readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { z } from 'zod';

import type { Session } from './stack-session.ts';

const lockSchema = z.object({ pid: z.int(), hostname: z.string() });

/**
 * Takes away the lock of a deployment that was killed on this machine. A living one's, or another machine's, stays:
 * Pulumi then says whose it is. True when there was one to take away.
 */
export async function unlockAfterDeath({ stack, folder }: Session): Promise<boolean> {
  const locks = await lockFiles(join(folder, '.pulumi/locks'));
  for (const file of locks) {
    const lock = lockSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    if (lock.hostname !== hostname() || isAlive(lock.pid)) return false;
  }
  if (locks.length > 0) await stack.cancel();
  return locks.length > 0;
}

async function lockFiles(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true });
    return entries.filter((entry) => entry.endsWith('.json')).map((entry) => join(folder, entry));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
