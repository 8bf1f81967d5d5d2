import { readFile } from 'node:fs/promises';
import type { Part } from '../environments/environment.ts';
import type { Probe } from './probe.ts';
import { processesByPart } from './process-probe.ts';
import { descendants, readProcessTable } from './process-table.ts';

/**
 * Resident memory of every part. Pages that several processes share, such as PostgreSQL's shared buffers, are
 * divided among them (Pss of proc_pid_smaps(5)), so that their sum counts each page once.
 */
export function createResidentMemoryProbe(parts: readonly Part[]): Probe {
  return {
    async read() {
      const table = readProcessTable();
      const levels = await Promise.all(
        Array.from(processesByPart(parts), async ([name, roots]) => {
          const tree = roots.flatMap((root) => [...descendants(table, root)]);
          const bytes = await Promise.all(tree.map(proportionalBytes));
          return [`${name}_resident_bytes`, bytes.reduce((sum, value) => sum + value, 0)] as const;
        }),
      );
      return [{ source: '/proc/<pid>/smaps_rollup', counters: {}, levels: Object.fromEntries(levels) }];
    },
    close: () => Promise.resolve(),
  };
}

/** 0 for a process that ended since the table was read: it holds no memory. */
async function proportionalBytes(processId: number): Promise<number> {
  try {
    const rollup = await readFile(`/proc/${processId}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1024;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return 0;
    throw error;
  }
}
