import { readFileSync } from 'node:fs';
import type { Reading } from './probe.ts';
import { readProcFile, ticksPerSecond } from './process-table.ts';

/**
 * What the CPUs had to give, by the clock, beside what the kernel says that they did: proc_stat(5), in seconds of all
 * CPUs together, guests within user. Its total is no denominator: in recorded slots it was 0.94 to 0.99 of the time
 * that had passed, when all processes, idle and stolen time summed to 0.98 to 1.00 of it.
 */
export function readMachineCpu(): Reading[] {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  const cpuCount = lines.filter((line) => /^cpu\d/.test(line)).length;
  const machineCpuSeconds = (cpuCount * performance.now()) / 1000;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = (lines[0] ?? '')
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / ticksPerSecond);
  return [
    { source: 'CPUs × monotonic clock', counters: { machine_cpu_seconds: machineCpuSeconds }, levels: {} },
    {
      source: '/proc/stat',
      counters: {
        proc_stat_cpu_seconds: user + nice + system + idle + iowait + irq + softirq + steal,
        idle_cpu_seconds: idle + iowait,
        steal_cpu_seconds: steal,
      },
      levels: {},
    },
  ];
}

/** psi.rst of the kernel: microseconds in which some task waited for a CPU. No reading where the kernel keeps none. */
export function readCpuPressure(): Reading[] {
  const source = '/proc/pressure/cpu';
  const total = /^some .*total=(\d+)/.exec(readProcFile(source) ?? '')?.[1];
  return total === undefined ? [] : [{ source, counters: { cpu_pressure_seconds: Number(total) / 1e6 }, levels: {} }];
}
