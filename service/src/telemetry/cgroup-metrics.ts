import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Counter, Gauge, type Registry } from 'prom-client';

interface CgroupReadings {
  readonly cpuSeconds: () => number;
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
  if (!readings) return;
  const cpu = new Counter({
    name: 'cgroup_cpu_seconds_total',
    help: "CPU that the process's cgroup has used",
    registers: [],
    collect() {
      this.reset();
      this.inc(readings.cpuSeconds());
    },
  });
  const memory = new Gauge({
    name: 'cgroup_memory_bytes',
    help: "Memory that is charged to the process's cgroup",
    registers: [],
    collect() {
      this.set(readings.memoryBytes());
    },
  });
  const limit = new Gauge({
    name: 'cgroup_memory_limit_bytes',
    help: "Memory that the process's cgroup may have; +Inf without a limit",
    registers: [],
    collect() {
      this.set(readings.memoryLimitBytes() ?? Number.POSITIVE_INFINITY);
    },
  });
  for (const metric of [cpu, memory, limit]) registry.registerMetric(metric);
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
  const [cpu, memory] = [folderOf('cpuacct', 'cpuacct.usage'), folderOf('memory', 'memory.usage_in_bytes')];
  return cpu && memory ? versionOne(cpu, memory) : undefined;
}

function versionTwo(folder: string): CgroupReadings {
  return {
    cpuSeconds() {
      const [, usec] = /^usage_usec (\d+)$/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8')) ?? [];
      return Number(usec) / 1e6;
    },
    memoryBytes: () => readNumber(folder, 'memory.current'),
    memoryLimitBytes() {
      const limit = readFileSync(join(folder, 'memory.max'), 'utf8').trim();
      return limit === 'max' ? undefined : Number(limit);
    },
  };
}

function versionOne(cpu: string, memory: string): CgroupReadings {
  return {
    cpuSeconds: () => readNumber(cpu, 'cpuacct.usage') / 1e9,
    memoryBytes: () => readNumber(memory, 'memory.usage_in_bytes'),
    memoryLimitBytes() {
      const limit = readNumber(memory, 'memory.limit_in_bytes');
      return limit >= noLimitBytes ? undefined : limit;
    },
  };
}

function readNumber(folder: string, file: string): number {
  return Number(readFileSync(join(folder, file), 'utf8'));
}
