import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Environment, RunningVariant } from '../environments/environment.ts';
import { createProcessesEnvironment } from '../environments/processes.ts';
import { createHalls, createVenue } from '../faults/create-halls.ts';
import { isAlive } from '../probes/process-table.ts';
import { waitForEmptyBacklog } from '../probes/seat-creation-backlog.ts';
import { openWindowMeter } from '../probes/window-meter.ts';
import { checkSeats } from '../protocol/content.ts';

const seatsEach = 2_000;

describe.each(['sqlite', 'postgres'] as const)('workers beside the service, on %s', (database) => {
  let temporary: string;
  let environment: Environment;
  let variants: readonly RunningVariant[];
  const { signal } = new AbortController();

  beforeAll(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'workers-test-'));
    vi.stubEnv('TMPDIR', temporary);
    environment = createProcessesEnvironment();
    variants = await environment.up({
      database,
      variants: [
        { id: 'before', configuration: { SEAT_CREATION: 'async' } },
        { id: 'after', configuration: { SEAT_CREATION: 'stream' }, workers: 2 },
      ],
      seed: { performances: 10, randomSeed: 1, relativeTo: '2026-11-23T00:00:00.000Z' },
      onStep: () => undefined,
    });
  });

  afterAll(async () => {
    await environment.down();
    vi.unstubAllEnvs();
    await rm(temporary, { recursive: true });
  });

  const workersOf = (variant: RunningVariant | undefined): number[] =>
    (variant?.parts ?? []).filter(({ name }) => name === 'worker').map(({ rootProcessId }) => rootProcessId);

  async function createSeats(variant: RunningVariant, halls: number): Promise<void> {
    const hallIds = await createHalls(variant, await createVenue(variant), { count: halls, seatsEach });
    for (const id of hallIds) {
      const headers = { Authorization: `Bearer ${variant.apiToken}` };
      const { status } = await fetch(`${variant.apiUrl}/halls/${id}/seats`, { method: 'POST', headers });
      expect(status).toBe(202);
    }
  }

  /** What one window says in which so many halls got their seats. */
  async function measure(variant: RunningVariant, halls: number): Promise<ReadonlyMap<string, number>> {
    const generator = spawn('sleep', ['60']);
    const meter = await openWindowMeter(variant, generator.pid ?? 0);
    try {
      await meter.start();
      await createSeats(variant, halls);
      await waitForEmptyBacklog(variant, { timeoutMs: 10_000, signal });
      return new Map((await meter.stop()).map(({ metric, value }) => [metric, value]));
    } finally {
      await meter.close();
      generator.kill();
      await once(generator, 'exit');
    }
  }

  it('do what the service alone does without them, and are counted and paid for apart', async () => {
    const [before, after] = variants;
    if (!before || !after) throw new Error('two variants were asked for');
    expect([workersOf(before), workersOf(after)].map(({ length }) => length)).toEqual([0, 2]);
    const [alone, together] = [await measure(before, 5), await measure(after, 5)];
    expect([alone, together].map((samples) => samples.get('seats_created'))).toEqual([5 * seatsEach, 5 * seatsEach]);
    expect([alone, together].map((samples) => samples.get('seat_creation_backlog'))).toEqual([0, 0]);
    expect([alone.get('worker_cpu_seconds'), alone.get('worker_resident_bytes')]).toEqual([0, 0]);
    expect(together.get('worker_cpu_seconds')).toBeGreaterThan(0);
    expect(together.get('worker_resident_bytes')).toBeGreaterThan(50e6);
    for (const samples of [alone, together]) {
      const [cpu = 0, second = 0] = ['', '_second_source'].map((end) => samples.get(`database_cpu_seconds${end}`) ?? 0);
      expect(cpu).toBeGreaterThan(0);
      // The second source counts ticks of 10 ms, and a dozen of new backends lose one each.
      expect(Math.abs(cpu - second)).toBeLessThan(0.15);
    }
    for (const variant of variants) expect(await checkSeats(variant)).toMatchObject({ held: true });
  });

  it('come anew when the services do, and take up the work', async () => {
    const workers = workersOf(variants[1]);
    variants = await environment.restartServices();
    expect(workers.map(isAlive)).toEqual([false, false]);
    expect(workersOf(variants[1]).map(isAlive)).toEqual([true, true]);
    const [, after] = variants;
    if (!after) throw new Error('two variants were asked for');
    expect((await measure(after, 1)).get('seats_created')).toBe(seatsEach);
  });
});
