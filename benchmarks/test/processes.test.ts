import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Environment, EnvironmentRequest, RunningVariant } from '../environments/environment.ts';
import { createProcessesEnvironment } from '../environments/processes.ts';
import { difference, openProbes } from '../probes/variant-probes.ts';
import { openWindowMeter } from '../probes/window-meter.ts';
import { isAlive } from '../probes/process-table.ts';

const request: EnvironmentRequest = {
  database: 'postgres',
  variants: [
    { id: 'before', configuration: { PERFORMANCE_CACHE: 'off' } },
    { id: 'after', configuration: { PERFORMANCE_CACHE: 'look-aside' } },
  ],
  seed: { performances: 50, randomSeed: 1, relativeTo: '2026-11-23T00:00:00.000Z' },
  onStep: () => undefined,
};

const processIds = (variants: readonly RunningVariant[]): number[] =>
  variants.flatMap(({ parts }) => parts.map(({ rootProcessId }) => rootProcessId));

describe('variants as processes', () => {
  let temporary: string;
  let environment: Environment;
  let variants: readonly RunningVariant[];

  beforeAll(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'processes-test-'));
    vi.stubEnv('TMPDIR', temporary);
    environment = createProcessesEnvironment();
    variants = await environment.up(request);
  });

  afterAll(async () => {
    await environment.down();
    vi.unstubAllEnvs();
    await rm(temporary, { recursive: true });
  });

  async function rows(variant: RunningVariant | undefined, sql: string): Promise<unknown[]> {
    if (variant?.database.engine !== 'postgres') throw new Error('no PostgreSQL');
    const client = new Client({ connectionString: variant.database.adminConnectionString });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  }

  it('have the same content, each in a database and beside Redis servers of its own', async () => {
    const [before, after] = variants;
    const content = 'SELECT table_name, rows FROM audit_catalog_counts ORDER BY table_name';
    expect(await rows(before, content)).toContainEqual({ table_name: 'performances', rows: '50' });
    expect(await rows(after, content)).toStrictEqual(await rows(before, content));
    expect(new Set(processIds(variants)).size).toBe(8);
    expect(before?.redisCacheUrl).not.toBe(after?.redisCacheUrl);
  });

  it('serve their own configuration', async () => {
    const versions = await Promise.all(variants.map(async ({ apiUrl }) => (await fetch(`${apiUrl}/version`)).json()));
    expect(versions).toMatchObject([{ performanceCache: 'off' }, { performanceCache: 'look-aside' }]);
  });

  it('get new processes of the service on the same data', async () => {
    const again = await environment.restartServices();
    const services = (of: readonly RunningVariant[]) =>
      of.flatMap(({ parts }) =>
        parts.filter(({ name }) => name === 'service').map(({ rootProcessId }) => rootProcessId),
      );
    expect(services(variants).map(isAlive)).toStrictEqual([false, false]);
    expect(services(again).map(isAlive)).toStrictEqual([true, true]);
    expect(processIds(again).filter((id) => processIds(variants).includes(id))).toHaveLength(6);
    variants = again;
  });

  it('are read by probes, which name a part that has died and quote its log', async () => {
    const [before] = variants;
    if (!before) throw new Error('no variant');
    const generator = spawn('sleep', ['60']);
    const meter = await openWindowMeter(before, generator.pid ?? 0);
    await meter.start();
    await fetch(`${before.apiUrl}/performances?genre=play&city=Seoul`);
    const samples = new Map((await meter.stop()).map(({ metric, value }) => [metric, value]));
    expect(samples.get('http_requests')).toBe(1);
    expect(samples.get('cache_bypasses')).toBe(1);
    expect(samples.get('service_statements')).toBe(samples.get('database_statements'));
    expect(samples.get('database_resident_bytes')).toBeGreaterThan(10e6);

    const probes = await openProbes(before, generator.pid ?? 0);
    const [started, usedBefore] = [performance.now(), process.cpuUsage()];
    const readings = 20;
    const first = await probes.read();
    for (let index = 0; index < readings; index += 1) await probes.read();
    const { user, system } = process.cpuUsage(usedBefore);
    const cost = new Map(difference(first, await probes.read()).map(({ metric, value }) => [metric, value]));
    await probes.close();
    const perReading = (milliseconds: number): string => `${(milliseconds / readings).toFixed(1)} ms`;
    console.info(
      `one reading of all probes: ${perReading(performance.now() - started)} elapsed, CPU ` +
        `${perReading((user + system) / 1000)} of the lab, ` +
        `${perReading(1000 * (cost.get('database_cpu_seconds') ?? Number.NaN))} of the database, ` +
        `${perReading(1000 * (cost.get('service_cpu_seconds') ?? Number.NaN))} of the service`,
    );
    expect((user + system) / 1000 / readings).toBeLessThan(100);

    const service = before.parts.find(({ name }) => name === 'service');
    await meter.start();
    process.kill(service?.rootProcessId ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(isAlive(service?.rootProcessId ?? 0)).toBe(false));
    await expect(meter.stop()).rejects.toThrow(/service has ended:[\s\S]*"event":"listening"/);
    await meter.close();
    generator.kill();
    await once(generator, 'exit');
  });

  it('stand beside those of another run, and leave no process and no folder when they go', async () => {
    const other = createProcessesEnvironment();
    const [variant, ...rest] = await other.up({ ...request, database: 'sqlite', variants: request.variants.slice(1) });
    expect(rest).toHaveLength(0);
    expect(await readdir(temporary)).toHaveLength(2);
    await other.down();
    await other.down();
    expect(processIds(variant ? [variant] : []).map(isAlive)).toStrictEqual([false, false, false]);
    expect(await readdir(temporary)).toHaveLength(1);
    expect(await rows(variants[1], 'SELECT 1 AS one')).toHaveLength(1);
  });

  it('leave nothing when one of them cannot start', async () => {
    const broken = createProcessesEnvironment();
    const configuration = { PERFORMANCE_CACHE: 'maybe' };
    await expect(broken.up({ ...request, variants: [{ id: 'before', configuration }] })).rejects.toThrow(
      /service of before ended before it was ready \(exit status 78\)[\s\S]*PERFORMANCE_CACHE/,
    );
    await broken.down();
    expect(await readdir(temporary)).toHaveLength(1);
  });
});
