import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Part } from '../environments/environment.ts';
import { type ControlGroup, parseControlGroup, readCpuSeconds, readResidentBytes } from '../probes/control-group.ts';
import type { Reading } from '../probes/probe.ts';
import { createProcessProbe } from '../probes/process-probe.ts';
import { createResidentMemoryProbe } from '../probes/resident-memory.ts';

const version1Mounts = `24 1 0:22 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
26 24 0:24 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
30 24 0:28 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
34 24 0:32 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;
const version2Mounts = `35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
`;

describe('the control group of a process', () => {
  it('is in the hierarchy of each controller with version 1, also beside an empty version 2', () => {
    const membership = '9:name=systemd:/docker/a1\n4:memory:/docker/a1\n2:cpu,cpuacct:/docker/a1\n0::/\n';
    expect(parseControlGroup({ membership, mounts: version1Mounts })).toStrictEqual({
      version: 1,
      cpuFolder: '/sys/fs/cgroup/cpu,cpuacct/docker/a1',
      memoryFolder: '/sys/fs/cgroup/memory/docker/a1',
    });
  });

  it('is one folder with version 2, whoever manages it', () => {
    const membership = '0::/system.slice/docker-a1.scope\n';
    const folder = '/sys/fs/cgroup/system.slice/docker-a1.scope';
    expect(parseControlGroup({ membership, mounts: version2Mounts })).toStrictEqual({
      version: 2,
      cpuFolder: folder,
      memoryFolder: folder,
    });
  });

  it('is found below the part of a hierarchy that is mounted here', () => {
    const mounts = version2Mounts.replace('0:30 / /sys', '0:30 /lab /sys');
    expect(parseControlGroup({ membership: '0::/lab/docker/a1\n', mounts }).cpuFolder).toBe('/sys/fs/cgroup/docker/a1');
  });

  it('is an error where a controller is not mounted, with its name', () => {
    const membership = '4:memory:/docker/a1\n2:cpuacct:/docker/a1\n';
    const mounts = version1Mounts.replace('rw,memory', 'rw,pids');
    expect(() => parseControlGroup({ membership, mounts })).toThrow('the kernel accounts for memory nowhere');
  });
});

describe('what a control group says', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'control-group-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  async function group(version: 1 | 2, name: string, files: Readonly<Record<string, string>>): Promise<ControlGroup> {
    const own = join(folder, name);
    await mkdir(own, { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(own, file), text);
    return { version, cpuFolder: own, memoryFolder: own };
  }

  it('is nanoseconds and counted children with version 1', async () => {
    const one = await group(1, 'one', {
      'cpuacct.usage': '1500000000\n',
      'memory.stat': 'rss 1\nmapped_file 1\ntotal_cache 900\ntotal_rss 300\ntotal_mapped_file 45\n',
    });
    expect([readCpuSeconds(one), readResidentBytes(one)]).toStrictEqual([1.5, 345]);
  });

  it('is microseconds with version 2', async () => {
    const two = await group(2, 'two', {
      'cpu.stat': 'usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n',
      'memory.stat': 'anon 300\nfile 900\nfile_mapped 45\n',
    });
    expect([readCpuSeconds(two), readResidentBytes(two)]).toStrictEqual([2.5, 345]);
  });

  it('is never 0 for want of a number', async () => {
    const broken = await group(2, 'broken', { 'cpu.stat': 'nr_periods 0\n', 'memory.stat': 'anon 1\n' });
    expect(() => readCpuSeconds(broken)).toThrow('has no usage_usec');
    expect(() => readResidentBytes(broken)).toThrow('has no file_mapped');
  });

  it('is what the probes report of a part in a container, two workers together, with its source', async () => {
    const stat = 'total_rss 100\ntotal_mapped_file 11\n';
    const groups = [
      await group(1, 'worker-1', { 'cpuacct.usage': '1000000000\n', 'memory.stat': stat }),
      await group(1, 'worker-2', { 'cpuacct.usage': '2000000000\n', 'memory.stat': stat }),
    ];
    const plain = { rootProcessId: process.ppid, logTail: () => Promise.resolve('') };
    const parts: Part[] = [
      { ...plain, name: 'database' },
      ...groups.map((controlGroup) => ({ ...plain, name: 'worker' as const, controlGroup })),
    ];
    const cpu = createProcessProbe({ parts, engine: 'postgres', generatorProcessId: process.ppid });
    const before = readingOf(await cpu.read(), 'worker_cpu_seconds');
    await group(1, 'worker-1', { 'cpuacct.usage': '1250000000\n' });
    const after = readingOf(await cpu.read(), 'worker_cpu_seconds');
    expect(after.source).toBe('cpuacct.usage of the cgroup');
    expect(after.value - before.value).toBeCloseTo(0.25, 9);
    expect(readingOf(await cpu.read(), 'database_cpu_seconds').source).toBe('/proc/<pid>/task/<tid>/schedstat');

    const memory = await createResidentMemoryProbe(parts).read();
    expect(readingOf(memory, 'worker_resident_bytes')).toStrictEqual({
      source: 'memory.stat of the cgroup',
      value: 222,
    });
    expect(readingOf(memory, 'database_resident_bytes').source).toBe('/proc/<pid>/smaps_rollup');
  });
});

function readingOf(readings: readonly Reading[], metric: string): { source: string; value: number } {
  const reading = readings.find(({ counters, levels }) => metric in counters || metric in levels);
  if (!reading) throw new Error(`no reading of ${metric}`);
  return { source: reading.source, value: reading.counters[metric] ?? reading.levels[metric] ?? Number.NaN };
}
