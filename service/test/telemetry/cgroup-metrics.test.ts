import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { Registry } from 'prom-client';
import { describe, expect, it, onTestFinished } from 'vitest';

import { createCgroupMetrics } from '../../src/telemetry/cgroup-metrics.ts';

/** The series that a machine with these files has. */
async function seriesOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const root = mkdtempSync(join(tmpdir(), 'cgroup-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  const registry = new Registry();
  createCgroupMetrics(registry, root);
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith('cgroup_'));
}

describe('the metrics of the cgroup', () => {
  it('are read from version 2, in its folder', async () => {
    const folder = 'sys/fs/cgroup/service.slice';
    const series = await seriesOf({
      'proc/self/cgroup': '0::/service.slice\n',
      [`${folder}/cpu.stat`]:
        'usage_usec 2500000\nuser_usec 2000000\nnr_periods 40\nnr_throttled 3\nthrottled_usec 1500000\n',
      [`${folder}/cpu.max`]: '150000 100000\n',
      [`${folder}/memory.current`]: '1048576\n',
      [`${folder}/memory.max`]: 'max\n',
    });
    expect(series).toEqual([
      'cgroup_cpu_seconds_total 2.5',
      'cgroup_cpu_limit_cores 1.5',
      'cgroup_cpu_periods_total 40',
      'cgroup_cpu_throttled_periods_total 3',
      'cgroup_cpu_throttled_seconds_total 1.5',
      'cgroup_memory_bytes 1048576',
      'cgroup_memory_limit_bytes +Inf',
    ]);
  });

  it('are read from version 1, in a container that sees its cgroup as the root', async () => {
    const series = await seriesOf({
      'proc/self/cgroup': '5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n',
      'sys/fs/cgroup/cpuacct/cpuacct.usage': '2500000000\n',
      'sys/fs/cgroup/cpu/cpu.stat': 'nr_periods 40\nnr_throttled 3\nthrottled_time 1500000000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/memory/memory.usage_in_bytes': '1048576\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '2097152\n',
    });
    expect(series).toEqual([
      'cgroup_cpu_seconds_total 2.5',
      'cgroup_cpu_limit_cores 0.5',
      'cgroup_cpu_periods_total 40',
      'cgroup_cpu_throttled_periods_total 3',
      'cgroup_cpu_throttled_seconds_total 1.5',
      'cgroup_memory_bytes 1048576',
      'cgroup_memory_limit_bytes 2097152',
    ]);
  });

  it.each([
    ['version 2', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.stat': 'usage_usec 1000000\n' }],
    ['version 2 without a quota', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' }],
  ])(
    'tell no throttling where the kernel does not account it, and no limit where there is none: %s',
    async (_, own) => {
      const series = await seriesOf({
        'sys/fs/cgroup/cpu.stat': 'usage_usec 1000000\n',
        'sys/fs/cgroup/memory.current': '1\n',
        'sys/fs/cgroup/memory.max': 'max\n',
        ...own,
      });
      expect(series).toContain('cgroup_cpu_limit_cores +Inf');
      expect(series.filter((line) => /throttled|periods/.test(line))).toEqual([]);
    },
  );

  it('are none where there is no cgroup', async () => {
    expect(await seriesOf({})).toEqual([]);
    expect(await seriesOf({ 'proc/self/cgroup': '0::/\n' })).toEqual([]);
  });
});
