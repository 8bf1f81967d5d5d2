import { readFileSync } from 'node:fs';
import type { Reading } from './probe.ts';
import { readProcFile, ticksPerSecond } from './process-table.ts';

/** The first line of /proc/stat, in seconds of all CPUs together: proc_stat(5). Guests are part of user. */
export function readMachineCpu(): Record<string, number> {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / ticksPerSecond);
  return {
    machine_cpu_seconds: user + nice + system + idle + iowait + irq + softirq + steal,
    idle_cpu_seconds: idle + iowait,
    steal_cpu_seconds: steal,
  };
}

/** psi.rst of the kernel: microseconds in which some task waited for a CPU. No reading where the kernel keeps none. */
export function readCpuPressure(): Reading[] {
  const source = '/proc/pressure/cpu';
  const total = /^some .*total=(\d+)/.exec(readProcFile(source) ?? '')?.[1];
  return total === undefined ? [] : [{ source, counters: { cpu_pressure_seconds: Number(total) / 1e6 }, levels: {} }];
}
