import { readFile } from 'node:fs/promises';
import type { Part } from '../environments/environment.ts';
import { memorySource, readResidentBytes } from './control-group.ts';
import type { Probe } from './probe.ts';
import { partsByMetric } from './process-probe.ts';
import { descendants, type ProcessTable, readProcessTable } from './process-table.ts';

/**
 * Resident memory of every part. Pages that several processes share, such as PostgreSQL's shared buffers, are
 * divided among them (Pss of proc_pid_smaps(5)), so that their sum counts each page once. Of a container its control
 * group says it.
 */
export function createResidentMemoryProbe(parts: readonly Part[]): Probe {
  return {
    async read() {
      const table = readProcessTable();
      return Promise.all(
        Array.from(partsByMetric(parts), async ([name, own]) => {
          const bytes = await Promise.all(own.map((part) => residentBytes(part, table)));
          return {
            source: own[0]?.controlGroup ? memorySource : '/proc/<pid>/smaps_rollup',
            counters: {},
            levels: { [`${name}_resident_bytes`]: bytes.reduce((sum, value) => sum + value, 0) },
          };
        }),
      );
    },
    close: () => Promise.resolve(),
  };
}

async function residentBytes({ rootProcessId, controlGroup }: Part, table: ProcessTable): Promise<number> {
  if (controlGroup) return readResidentBytes(controlGroup);
  const bytes = await Promise.all([...descendants(table, rootProcessId)].map(proportionalBytes));
  return bytes.reduce((sum, value) => sum + value, 0);
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
