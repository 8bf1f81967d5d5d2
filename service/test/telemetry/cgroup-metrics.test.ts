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
      [`${folder}/cpu.stat`]: 'usage_usec 2500000\nuser_usec 2000000\n',
      [`${folder}/memory.current`]: '1048576\n',
      [`${folder}/memory.max`]: 'max\n',
    });
    expect(series).toEqual([
      'cgroup_cpu_seconds_total 2.5',
      'cgroup_memory_bytes 1048576',
      'cgroup_memory_limit_bytes +Inf',
    ]);
  });

  it('are read from version 1, in a container that sees its cgroup as the root', async () => {
    const series = await seriesOf({
      'proc/self/cgroup': '5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n',
      'sys/fs/cgroup/cpuacct/cpuacct.usage': '2500000000\n',
      'sys/fs/cgroup/memory/memory.usage_in_bytes': '1048576\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '2097152\n',
    });
    expect(series).toEqual([
      'cgroup_cpu_seconds_total 2.5',
      'cgroup_memory_bytes 1048576',
      'cgroup_memory_limit_bytes 2097152',
    ]);
  });

  it('are none where there is no cgroup', async () => {
    expect(await seriesOf({})).toEqual([]);
    expect(await seriesOf({ 'proc/self/cgroup': '0::/\n' })).toEqual([]);
  });
});
