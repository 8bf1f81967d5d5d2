import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';

import { cpuBudgetParts } from '../../analysis/cpu-budget.ts';
import { partsOfStack, runningContainers } from '../../environments/container-engine.ts';
import { type PreparedContainers, prepareContainers, removeDeadStacks } from '../../environments/container-stacks.ts';
import { createContainersEnvironment } from '../../environments/containers.ts';
import type { Environment, RunningVariant } from '../../environments/environment.ts';
import { openContainerStage } from '../../faults/container-stage.ts';
import type { CrashStage } from '../../faults/stage.ts';
import { difference, openProbes, type VariantProbes } from '../../probes/variant-probes.ts';
import { checkCommit, checkContent, checkVisibilityMap } from '../../protocol/content.ts';

const engine = inject('engine');
const docker = async (...args: readonly string[]): Promise<string> => (await execa('docker', args)).stdout;

describe.skipIf(engine?.hasPulumi !== true)('the lab in containers', () => {
  let temporary: string;
  let prepared: PreparedContainers;
  const steps: string[] = [];
  const onStep = (step: string): void => void steps.push(step);

  beforeAll(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'containers-test-'));
    vi.stubEnv('TMPDIR', temporary);
    const { redis, postgres } = engine?.images ?? {};
    if (redis === undefined || postgres === undefined) throw new Error('the engine was set up without images');
    prepared = await prepareContainers({ ...engine?.bases, network: 'host', images: { redis, postgres } }, onStep);
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(temporary, { recursive: true });
  });

  test('knows the engine, and every image by its id', () => {
    expect(prepared.record.engineVersion).toMatch(/^\d+\.\d+/);
    expect(prepared.record.images.map(({ part }) => part)).toStrictEqual(['service', 'postgres', 'redis']);
    expect(prepared.record.images[0]?.id).toBe(engine?.serviceImage.id);
    for (const { id } of prepared.record.images) expect(id).toMatch(/^sha256:[\da-f]{64}$/);
  });

  describe('with two variants', () => {
    let environment: Environment;
    let variants: readonly RunningVariant[];
    const variant = (id: RunningVariant['id']): RunningVariant => {
      const found = variants.find((one) => one.id === id);
      if (!found) throw new Error(`no variant ${id}`);
      return found;
    };

    beforeAll(async () => {
      environment = createContainersEnvironment({ prepared });
      variants = await environment.up({
        database: 'postgres',
        variants: [
          { id: 'before', configuration: { PERFORMANCE_CACHE: 'off' } },
          { id: 'after', configuration: { PERFORMANCE_CACHE: 'look-aside' }, workers: 1 },
        ],
        seed: { performances: 200, randomSeed: 1, relativeTo: '2026-11-23T00:00:00.000Z' },
        onStep,
      });
    });

    afterAll(() => environment.down());

    test('each has its own content, as the guards want it, and the service of the image', async () => {
      for (const one of variants) {
        const outcomes = [
          await checkContent(one, { performances: 200, showtimes: 1000 }),
          ...(await checkVisibilityMap(one)),
          await checkCommit(one, one.commit ?? ''),
        ];
        expect(outcomes.filter(({ held }) => !held)).toStrictEqual([]);
        expect((await checkCommit(one, 'another')).held).toBe(false);
      }
      expect(new Set(variants.map(({ redisQueueUrl }) => redisQueueUrl)).size).toBe(2);
    });

    test('each reads as it was configured, and one has a worker', async () => {
      const misses = async (id: RunningVariant['id']): Promise<number> => {
        const { samples } = await window(id, () => fetch(`${variant(id).apiUrl}/performances`));
        return sampleOf(samples, 'cache_misses');
      };
      expect([await misses('before'), await misses('after')]).toStrictEqual([0, 1]);
      expect(variants.map(({ workerAdminUrls }) => workerAdminUrls.length)).toStrictEqual([0, 1]);
    });

    test('what a process of the service’s container burns is read from its cgroup, and no other’s', async () => {
      const { result: burned, samples } = await window('before', () => burnIn('ticketing-bench-before-api-1', 3));
      expect(burned).toBeGreaterThan(3);
      // The service itself, and the look for its health, come on top.
      expect(sampleOf(samples, 'service_cpu_seconds')).toBeGreaterThan(0.99 * burned);
      expect(sampleOf(samples, 'service_cpu_seconds')).toBeLessThan(1.05 * burned + 0.5);
      const elsewhere = await window('before', () => burnIn('ticketing-bench-after-api-1', 1.5));
      expect(sampleOf(elsewhere.samples, 'service_cpu_seconds')).toBeLessThan(0.5);
    });

    test('the database’s two sources agree on a busy query, and both see nothing of an idle one', async () => {
      const idle = await window('after', () => Promise.resolve(0));
      expect(sampleOf(idle.samples, 'database_cpu_seconds')).toBeLessThan(0.1);
      const { samples } = await window('after', () => busyQuery(variant('after')));
      const [first, second] = ['database_cpu_seconds', 'database_cpu_seconds_second_source'].map((metric) =>
        sampleOf(samples, metric),
      );
      expect(first).toBeGreaterThan(0.5);
      expect(Math.abs((first ?? 0) - (second ?? 0))).toBeLessThan(Math.max(0.05, 0.03 * (first ?? 0)));
    });

    test('all parts, the lab with its engine, everybody else and idle time are the machine', async () => {
      const { samples } = await window('before', () => burnIn('ticketing-bench-after-api-1', 1));
      const sum = cpuBudgetParts.reduce((total, metric) => total + sampleOf(samples, metric), 0);
      expect(Math.abs(sum / sampleOf(samples, 'machine_cpu_seconds') - 1)).toBeLessThan(0.05);
      // The other variant is a part of nothing here, and no foreigner.
      expect(sampleOf(samples, 'lab_cpu_seconds')).toBeGreaterThan(1);
    });

    test('memory that a process of the container takes is read from its cgroup', async () => {
      const name = 'ticketing-bench-before-api-1';
      const { samples: before } = await window('before', () => Promise.resolve(0));
      const holder = execa('docker', ['exec', '--interactive', name, 'node', '-e', holdMegabytes(100)], {
        stdin: 'pipe',
      });
      await once(holder.stdout, 'data');
      const { samples } = await window('before', () => Promise.resolve(0));
      holder.stdin.end();
      await holder;
      const grown =
        (sampleOf(samples, 'service_resident_bytes') - sampleOf(before, 'service_resident_bytes')) / 2 ** 20;
      expect(grown).toBeGreaterThan(100);
      expect(grown).toBeLessThan(200);
    });

    test('services come back as other processes on the same data', async () => {
      const before = new Map(variants.map(({ id, parts }) => [id, parts]));
      variants = await environment.restartServices();
      for (const { id, parts, apiUrl } of variants) {
        for (const { name, rootProcessId } of parts) {
          const earlier = before.get(id)?.find((part) => part.name === name)?.rootProcessId;
          expect(rootProcessId === earlier, `${name} of ${id}`).toBe(name !== 'service' && name !== 'worker');
        }
        expect((await fetch(`${apiUrl}/performances`)).status).toBe(200);
      }
    });

    test('nothing is left when they go', async () => {
      await environment.down();
      expect(await partsOfStack('bench-before')).toStrictEqual([]);
      expect(await partsOfStack('bench-after')).toStrictEqual([]);
    });

    async function window<Result>(id: RunningVariant['id'], work: () => Promise<Result>) {
      const generator = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      await once(generator, 'spawn');
      let probes: VariantProbes | undefined;
      try {
        probes = await openProbes(variant(id), generator.pid ?? 0);
        const earlier = await probes.read();
        const result = await work();
        return { result, samples: difference(earlier, await probes.read()) };
      } finally {
        await probes?.close();
        generator.kill('SIGKILL');
        await once(generator, 'exit');
      }
    }
  });

  describe('with a stage that is hurt', () => {
    let stage: CrashStage;
    const controller = new AbortController();

    beforeAll(async () => {
      const { signal } = controller;
      stage = await openContainerStage(
        { database: 'postgres', seatCreation: 'async', minIdleMs: 15_000, signal, step: onStep },
        prepared,
      );
    });

    afterAll(() => stage.close());

    test('SIGKILL ends the service, nobody puts it back, and it comes back where it was', async () => {
      const [service] = stage.apis;
      const [hall] = await stage.createHalls(1, 50);
      expect(hall).toBeGreaterThan(0);
      await service?.kill();
      expect((await runningContainers('crash-async')).map(({ component }) => component)).not.toContain('api-1');
      const inspect = ['inspect', '--format={{.State.ExitCode}} {{.RestartCount}}', 'ticketing-crash-async-api-1'];
      expect(await docker(...inspect)).toBe('137 0');
      await expect(fetch(`${service?.apiUrl}/version`)).rejects.toThrow('fetch failed');
      await service?.start();
      expect((await fetch(`${service?.apiUrl}/version`)).status).toBe(200);
      expect(await stage.database.audit.doneCount()).toBe(0);
      expect(await stage.queueLeft()).toStrictEqual({ entries: 0, pending: 0 });
    });
  });

  describe('that ends while its variants run', () => {
    let lab: ChildProcess;
    let ended: Promise<unknown>;

    /** In a process group of its own, like a command that was typed at a terminal. */
    async function startLab(until: string): Promise<void> {
      const holder = fileURLToPath(new URL('../fixtures/containers-holder.ts', import.meta.url));
      lab = spawn(process.execPath, [holder, JSON.stringify(prepared)], {
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      ended = once(lab, 'exit');
      if (!lab.stdout) throw new Error('no output');
      for await (const line of createInterface(lab.stdout)) if (line.startsWith(until)) return;
      throw new Error(`the lab ended before it said "${until}"`);
    }

    test('by SIGKILL, is cleared away by the next run, which says so', async () => {
      await startLab('up');
      lab.kill('SIGKILL');
      await ended;
      expect(await partsOfStack('bench-before')).not.toStrictEqual([]);
      const said: string[] = [];
      await removeDeadStacks((step) => said.push(step));
      expect(said).toStrictEqual(['removed what an earlier run left behind: the stack bench-before']);
      expect(await partsOfStack('bench-before')).toStrictEqual([]);
    });

    test('by Ctrl-C while they come up, leaves nothing, and a run that lives is left alone', async () => {
      await startLab('deploying the stack');
      const said: string[] = [];
      await removeDeadStacks((step) => said.push(step));
      expect(said).toStrictEqual([]);
      process.kill(-(lab.pid ?? 0), 'SIGINT');
      await ended;
      expect(await partsOfStack('bench-before')).toStrictEqual([]);
    });
  });
});

function sampleOf(samples: readonly { metric: string; value: number }[], metric: string): number {
  const value = samples.find((sample) => sample.metric === metric)?.value;
  if (value === undefined) throw new Error(`${metric} was not measured`);
  return value;
}

/** The CPU-seconds that a process in the container used by its own count, not below those asked for. */
async function burnIn(name: string, seconds: number): Promise<number> {
  const program = `const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6 };
    while (used() < ${seconds}); console.log(used());`;
  return Number(await docker('exec', name, 'node', '-e', program));
}

const holdMegabytes = (megabytes: number): string =>
  `const held = Buffer.alloc(${megabytes} * 2 ** 20, 1); console.log(held.length); process.stdin.resume();`;

async function busyQuery({ database }: RunningVariant): Promise<void> {
  if (database.engine !== 'postgres') throw new Error('no PostgreSQL');
  const client = new Client({ connectionString: database.adminConnectionString });
  await client.connect();
  try {
    await client.query('SELECT sum(sqrt(number)) FROM generate_series(1, 8000000) number');
  } finally {
    await client.end();
  }
}
