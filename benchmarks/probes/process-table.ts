import { readdirSync, readFileSync } from 'node:fs';

/** One line of the table of all processes. Times are in clock ticks since the process began. */
export interface ProcessEntry {
  readonly id: number;
  readonly parentId: number;
  /** It has ended, and its parent has not waited for it yet. */
  readonly isZombie: boolean;
  /** Together with the id it names a process: ids are used again. */
  readonly startTicks: number;
  /** User and system time of the process, its ended threads included. */
  readonly cpuTicks: number;
  /** The same of its children that have ended and been waited for, and of theirs. */
  readonly reapedTicks: number;
}

export type ProcessTable = ReadonlyMap<number, ProcessEntry>;

/** USER_HZ, in which /proc/<pid>/stat counts: 100 on every architecture that Node runs on. */
export const ticksPerSecond = 100;

/** The text of a file below /proc, or undefined when its process has ended. */
export function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasEnded(error)) return undefined;
    throw error;
  }
}

/** The names in a folder below /proc; none when its process has ended. */
export function listProcFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (hasEnded(error)) return [];
    throw error;
  }
}

function hasEnded(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');
}

/**
 * All processes of the machine that /proc shows, read at once and without a pause, so that the readings of
 * different parts belong to nearly the same instant (5 ms for 100 processes).
 *
 * @throws on anything but Linux
 */
export function readProcessTable(): ProcessTable {
  if (process.platform !== 'linux') {
    throw new Error(
      `the lab reads /proc, which only Linux has, this is ${process.platform}: run it in a Linux machine`,
    );
  }
  const table = new Map<number, ProcessEntry>();
  for (const name of readdirSync('/proc')) {
    const entry = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
    if (entry) table.set(entry.id, entry);
  }
  return table;
}

/** Undefined when there is no such process. proc_pid_stat(5): the command's name, in brackets, may hold anything, so the fields are counted from its end. */
export function readProcess(id: number): ProcessEntry | undefined {
  const stat = readProcFile(`/proc/${id}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    id,
    parentId: field(4),
    isZombie: fields[0] === 'Z',
    startTicks: field(22),
    cpuTicks: field(14) + field(15),
    reapedTicks: field(16) + field(17),
  };
}

/** Whether the process still runs. */
export function isAlive(id: number): boolean {
  return readProcess(id)?.isZombie === false;
}

/** The process and all its descendants; the id alone when it is not in the table. */
export function descendants(table: ProcessTable, rootId: number): ReadonlySet<number> {
  const children = Map.groupBy(table.values(), (entry) => entry.parentId);
  const found = new Set([rootId]);
  for (const id of found) for (const child of children.get(id) ?? []) found.add(child.id);
  return found;
}
