import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Counter, Gauge, type Registry } from 'prom-client';

/** How the kernel has held the cgroup to its CPU limit. */
interface CpuThrottling {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledSeconds: number;
}

interface CgroupReadings {
  readonly cpuSeconds: () => number;
  /** Cores; `undefined`: there is no limit. */
  readonly cpuLimitCores: () => number | undefined;
  /** `undefined`: the kernel keeps no account of it for this cgroup. */
  readonly throttling: () => CpuThrottling | undefined;
  readonly memoryBytes: () => number;
  /** `undefined`: there is no limit. */
  readonly memoryLimitBytes: () => number | undefined;
}

/** Version 1 says "no limit" with the largest multiple of a page. */
const noLimitBytes = 2 ** 60;

/**
 * CPU and memory of the process's cgroup, version 1 or 2 (kernel documentation, `cgroup-v1/`, `cgroup-v2.rst`): what a
 * container's limits are held against. The process's own are prom-client's defaults. Without cgroups: no series.
 * @param root where `/proc` and `/sys` are
 */
export function createCgroupMetrics(registry: Registry, root = '/'): void {
  const readings = findCgroup(root);
  if (readings) registerCgroupMetrics(registry, readings);
}

export function registerCgroupMetrics(registry: Registry, readings: CgroupReadings): void {
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name: `cgroup_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `cgroup_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  counter('cpu_seconds_total', "CPU that the process's cgroup has used", readings.cpuSeconds);
  gauge(
    'cpu_limit_cores',
    "CPU that the process's cgroup may use; +Inf without a limit",
    () => readings.cpuLimitCores() ?? Number.POSITIVE_INFINITY,
  );
  if (readings.throttling()) {
    const throttling = (of: keyof CpuThrottling) => () => readings.throttling()?.[of] ?? Number.NaN;
    counter('cpu_periods_total', 'Periods in which the CPU limit was in force', throttling('periods'));
    counter('cpu_throttled_periods_total', 'Those of them in which it was reached', throttling('throttledPeriods'));
    counter(
      'cpu_throttled_seconds_total',
      'How long threads had to wait because of it',
      throttling('throttledSeconds'),
    );
  }
  gauge('memory_bytes', "Memory that is charged to the process's cgroup", readings.memoryBytes);
  gauge(
    'memory_limit_bytes',
    "Memory that the process's cgroup may have; +Inf without a limit",
    () => readings.memoryLimitBytes() ?? Number.POSITIVE_INFINITY,
  );
}

function findCgroup(root: string): CgroupReadings | undefined {
  const memberships = join(root, 'proc/self/cgroup');
  if (!existsSync(memberships)) return undefined;
  const lines = readFileSync(memberships, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(':'));
  /** Its own folder or, in a container that sees its cgroup as the root, the mount itself. */
  const folderOf = (controller: string, file: string): string | undefined => {
    const path = lines.find(([, controllers = '']) => controllers.split(',').includes(controller))?.[2];
    const mount = join(root, 'sys/fs/cgroup', controller);
    return [join(mount, path ?? ''), mount].find((folder) => existsSync(join(folder, file)));
  };
  const unified = folderOf('', 'memory.current');
  if (unified && existsSync(join(unified, 'cpu.stat'))) return versionTwo(unified);
  const [usage, memory] = [folderOf('cpuacct', 'cpuacct.usage'), folderOf('memory', 'memory.usage_in_bytes')];
  return usage && memory ? versionOne(usage, memory, folderOf('cpu', 'cpu.cfs_quota_us')) : undefined;
}

function versionTwo(folder: string): CgroupReadings {
  return {
    cpuSeconds() {
      return Number(readField(folder, 'usage_usec')) / 1e6;
    },
    cpuLimitCores() {
      // Only where the controller is switched on, which it never is in the root.
      if (!existsSync(join(folder, 'cpu.max'))) return undefined;
      const [quota, period] = readFileSync(join(folder, 'cpu.max'), 'utf8').trim().split(' ');
      return quota === 'max' ? undefined : Number(quota) / Number(period);
    },
    throttling: () => readThrottling(folder, 'throttled_usec', 1e6),
    memoryBytes: () => readNumber(folder, 'memory.current'),
    memoryLimitBytes() {
      const limit = readFileSync(join(folder, 'memory.max'), 'utf8').trim();
      return limit === 'max' ? undefined : Number(limit);
    },
  };
}

function versionOne(usage: string, memory: string, cpu: string | undefined): CgroupReadings {
  return {
    cpuSeconds: () => readNumber(usage, 'cpuacct.usage') / 1e9,
    cpuLimitCores() {
      const quota = cpu === undefined ? -1 : readNumber(cpu, 'cpu.cfs_quota_us');
      return cpu === undefined || quota < 0 ? undefined : quota / readNumber(cpu, 'cpu.cfs_period_us');
    },
    throttling: () => (cpu === undefined ? undefined : readThrottling(cpu, 'throttled_time', 1e9)),
    memoryBytes: () => readNumber(memory, 'memory.usage_in_bytes'),
    memoryLimitBytes() {
      const limit = readNumber(memory, 'memory.limit_in_bytes');
      return limit >= noLimitBytes ? undefined : limit;
    },
  };
}

function readThrottling(folder: string, timeField: string, unitsPerSecond: number): CpuThrottling | undefined {
  const time = readField(folder, timeField);
  if (time === undefined) return undefined;
  return {
    periods: Number(readField(folder, 'nr_periods')),
    throttledPeriods: Number(readField(folder, 'nr_throttled')),
    throttledSeconds: Number(time) / unitsPerSecond,
  };
}

/** Of `cpu.stat`, which has a line for each: `nr_periods 0`. */
function readField(folder: string, field: string): string | undefined {
  return new RegExp(`^${field} (\\d+)$`, 'm').exec(readFileSync(join(folder, 'cpu.stat'), 'utf8'))?.[1];
}

function readNumber(folder: string, file: string): number {
  return Number(readFileSync(join(folder, file), 'utf8'));
}
