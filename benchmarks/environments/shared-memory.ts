import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { readProcFile } from '../probes/process-table.ts';

const run = promisify(execFile);

/**
 * Removes the System V segments, which nobody is attached to, of processes that have ended. A PostgreSQL server that is
 * killed leaves one behind, of the 4,096 that a machine may have, until it runs again on the same files.
 */
export async function removeSharedMemory(creatorIds: ReadonlySet<number>): Promise<void> {
  for (const id of listAbandoned(creatorIds)) {
    try {
      await run('ipcrm', ['-m', String(id)]);
    } catch (error) {
      // Somebody else may have removed it in the meantime.
      if (listAbandoned(creatorIds).includes(id)) throw error;
    }
  }
}

/** Columns of /proc/sysvipc/shm: key, id, permissions, size, creator's process id, last user's, number of attaches, … */
function listAbandoned(creatorIds: ReadonlySet<number>): readonly number[] {
  const [, ...lines] = readProcFile('/proc/sysvipc/shm')?.trimEnd().split('\n') ?? [];
  return lines.flatMap((line) => {
    const [, id = 0, , , creatorId = 0, , attaches] = line.trim().split(/\s+/).map(Number);
    return creatorIds.has(creatorId) && attaches === 0 ? [id] : [];
  });
}
