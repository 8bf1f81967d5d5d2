import { listProcFolder, type ProcessEntry, type ProcessTable, readProcFile, ticksPerSecond } from './process-table.ts';

/** Counts the CPU-seconds of a changing set of processes since its first reading. It never falls. */
export interface CpuMeter {
  read(table: ProcessTable): number;
}

interface Seen {
  readonly startTicks: number;
  readonly ownSeconds: number;
  readonly reapedSeconds: number;
}

/** CPU-seconds of a process without its children; undefined when it has ended since the table was read. */
export type ProcessClock = (entry: ProcessEntry) => number | undefined;

/**
 * A process that ends between two readings takes its own time with it; the time it used since it was last seen
 * reappears in its parent's time of reaped children. So what a reading adds is what the living used, and what
 * was reaped beyond the last known times of those that went.
 *
 * @param members the ids to be counted, of those in the table
 */
export function createCpuMeter(members: (table: ProcessTable) => Iterable<number>, clock: ProcessClock): CpuMeter {
  let seen: Map<number, Seen> | undefined;
  let total = 0;
  return {
    read(table) {
      const now = new Map<number, Seen>();
      for (const id of members(table)) {
        const entry = table.get(id);
        if (!entry) continue;
        const own = clock(entry);
        if (own === undefined) {
          // Its parent's time in this table is from before it was reaped: what is known of it is gone in the next one.
          const known = seen?.get(id);
          if (known?.startTicks === entry.startTicks) now.set(id, known);
          continue;
        }
        now.set(id, {
          startTicks: entry.startTicks,
          ownSeconds: own,
          reapedSeconds: entry.reapedTicks / ticksPerSecond,
        });
      }
      if (seen) total += usedBetween(seen, now);
      seen = now;
      return total;
    },
  };
}

function usedBetween(earlier: ReadonlyMap<number, Seen>, later: ReadonlyMap<number, Seen>): number {
  let living = 0;
  let reaped = 0;
  for (const [id, { startTicks, ownSeconds, reapedSeconds }] of later) {
    const before = earlier.get(id);
    const known = before?.startTicks === startTicks ? before : undefined;
    living += ownSeconds - (known?.ownSeconds ?? 0);
    reaped += reapedSeconds - (known?.reapedSeconds ?? 0);
  }
  let gone = 0;
  for (const [id, { startTicks, ownSeconds, reapedSeconds }] of earlier) {
    if (later.get(id)?.startTicks !== startTicks) gone += ownSeconds + reapedSeconds;
  }
  return living + Math.max(0, reaped - gone);
}

/** utime + stime of proc_pid_stat(5): ended threads included, in steps of 10 ms. */
export function cpuSecondsFromStat(entry: ProcessEntry): number {
  return entry.cpuTicks / ticksPerSecond;
}

/**
 * Nanoseconds on a CPU, the sum of the threads, of those with certain names only if asked (first field of
 * /proc/<pid>/task/<tid>/schedstat: the kernel's sched-stats.rst). A thread that has ended is no longer listed: what
 * it had when it was last seen is carried over, what it used after that is lost, all of it when it began and ended
 * between two readings. `cpuSecondsFromStat` loses nothing so, and both come from the same accounting of the kernel:
 * to compare them checks this bookkeeping, not the kernel's clocks. Of a process that has ended and that nobody has
 * waited for yet its threads are gone, and `stat` has all that they used.
 */
export function createThreadClock(isCounted?: (threadName: string) => boolean): ProcessClock {
  const processes = new Map<string, { readonly threads: ReadonlyMap<string, number>; readonly endedSeconds: number }>();
  return (entry) => {
    if (entry.isZombie && isCounted === undefined) return cpuSecondsFromStat(entry);
    const { id, startTicks } = entry;
    const threads = readThreads(id, isCounted);
    if (!threads) return undefined;
    const before = processes.get(`${id} ${startTicks}`);
    let endedSeconds = before?.endedSeconds ?? 0;
    for (const [thread, seconds] of before?.threads ?? []) {
      if ((threads.get(thread) ?? 0) < seconds) endedSeconds += seconds;
    }
    processes.set(`${id} ${startTicks}`, { threads, endedSeconds });
    return [...threads.values()].reduce((sum, seconds) => sum + seconds, endedSeconds);
  };
}

/** CPU-seconds by thread id; undefined when the process has ended. */
function readThreads(processId: number, isCounted?: (name: string) => boolean): Map<string, number> | undefined {
  const threadIds = listProcFolder(`/proc/${processId}/task`);
  if (threadIds.length === 0) return undefined;
  const threads = new Map<string, number>();
  for (const thread of threadIds) {
    const folder = `/proc/${processId}/task/${thread}`;
    const schedstat = readProcFile(`${folder}/schedstat`);
    if (schedstat === undefined) continue;
    if (isCounted && !isCounted(readProcFile(`${folder}/comm`)?.trim() ?? '')) continue;
    threads.set(thread, Number(schedstat.split(' ')[0]) / 1e9);
  }
  return threads;
}
