import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CpuMeter, cpuSecondsFromStat, createCpuMeter, createThreadClock } from '../probes/process-cpu.ts';
import {
  descendants,
  type ProcessEntry,
  type ProcessTable,
  readProcessTable,
  ticksPerSecond,
} from '../probes/process-table.ts';

const burner = new URL('fixtures/cpu-burner.ts', import.meta.url);

describe('the CPU meter of a process tree', () => {
  let root: ChildProcess;

  beforeAll(async () => {
    root = fork(burner, { execArgv: [] });
    await once(root, 'message');
  });

  afterAll(async () => {
    root.kill('SIGKILL');
    await once(root, 'exit');
  });

  /** Runs a task of the burner; resolves with the CPU-seconds that the processes involved measured themselves. */
  async function burn(task: 'itself' | 'thread' | 'child', seconds: number): Promise<number> {
    const answered = once(root, 'message');
    root.send({ task, seconds });
    const [burned] = await answered;
    return Number(burned);
  }

  const members = (table: ProcessTable) => descendants(table, root.pid ?? 0);
  const exact = (): CpuMeter => createCpuMeter(members, createThreadClock());
  const coarse = (): CpuMeter => createCpuMeter(members, cpuSecondsFromStat);

  async function measure(meter: CpuMeter, work: () => Promise<number>): Promise<{ read: number; burned: number }> {
    const before = meter.read(readProcessTable());
    const burned = await work();
    return { read: meter.read(readProcessTable()) - before, burned };
  }

  async function measureTwice(work: () => Promise<unknown>): Promise<{ first: number; second: number }> {
    const [first, second] = [exact(), coarse()];
    const start = readProcessTable();
    first.read(start);
    second.read(start);
    await work();
    const end = readProcessTable();
    return { first: first.read(end), second: second.read(end) };
  }

  it.each(['itself', 'child'] as const)('is within 2 % of what the processes say: %s', async (task) => {
    const { read, burned } = await measure(exact(), () => burn(task, 1.5));
    expect(burned).toBeGreaterThan(1.5);
    expect(Math.abs(read / burned - 1)).toBeLessThan(0.02);
  });

  it('misses of a thread that ended no more than it can have used since it was last seen', async () => {
    const meter = exact();
    const readAt: number[] = [];
    const { read, burned } = await measure(meter, async () => {
      const look = (): void => {
        readAt.push(performance.now());
        meter.read(readProcessTable());
      };
      const timer = setInterval(look, 50);
      const seconds = await burn('thread', 1.5);
      readAt.push(performance.now());
      clearInterval(timer);
      return seconds;
    });
    const longestPauseSeconds = Math.max(...readAt.slice(1).map((at, index) => at - (readAt[index] ?? 0))) / 1000;
    expect(readAt.length).toBeGreaterThan(5);
    expect(read).toBeLessThan(1.02 * burned);
    expect(read).toBeGreaterThan(0.98 * burned - longestPauseSeconds);
  });

  it('counts the threads of a process that has ended and that nobody has waited for', async () => {
    const spin = 'while (process.cpuUsage().user < 400_000);';
    const inThread = `new (require('node:worker_threads').Worker)(${JSON.stringify(spin)}, { eval: true })`;
    // What the shell becomes never waits for its children.
    const parent = spawn('sh', ['-c', `"$0" -e "$1" & exec sleep 30`, process.execPath, inThread]);
    const ofParent = (table: ProcessTable): ProcessEntry | undefined =>
      [...table.values()].find(({ parentId }) => parentId === parent.pid);
    try {
      await expect.poll(() => ofParent(readProcessTable()), { interval: 1 }).toBeDefined();
      const meter = createCpuMeter((table) => descendants(table, parent.pid ?? 0), createThreadClock());
      const start = readProcessTable();
      meter.read(start);
      await expect.poll(() => ofParent(readProcessTable())?.isZombie, { timeout: 30_000, interval: 10 }).toBe(true);
      const end = readProcessTable();
      const used = ((ofParent(end)?.cpuTicks ?? 0) - (ofParent(start)?.cpuTicks ?? 0)) / ticksPerSecond;
      expect(used).toBeGreaterThan(0.3);
      expect(meter.read(end)).toBeGreaterThan(used - 0.03);
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('counts a child once that was seen at work and then ended', async () => {
    const meter = exact();
    const { read, burned } = await measure(meter, async () => {
      const work = burn('child', 1.5);
      const readings: number[] = [];
      const timer = setInterval(() => readings.push(meter.read(readProcessTable())), 50);
      const seconds = await work;
      clearInterval(timer);
      expect(readings.length).toBeGreaterThan(5);
      expect(readings).toStrictEqual(readings.toSorted((left, right) => left - right));
      return seconds;
    });
    expect(Math.abs(read / burned - 1)).toBeLessThan(0.02);
  });

  it('has a second source that agrees within 3 % or 50 ms', async () => {
    const { first, second } = await measureTwice(async () => {
      await burn('itself', 0.4);
      await burn('child', 0.4);
    });
    expect(Math.abs(first - second)).toBeLessThan(Math.max(0.05, 0.03 * first));
  });

  it('control: a thread that begins and ends between two readings is missed, and the second source says so', async () => {
    const { first, second } = await measureTwice(() => burn('thread', 0.8));
    expect(second).toBeGreaterThan(0.8);
    expect(first).toBeLessThan(0.3);
  });

  it('control: without the time of reaped children, a child that ended is missed', async () => {
    const meter = exact();
    const blind: CpuMeter = {
      read: (table) => meter.read(new Map(Array.from(table, ([id, entry]) => [id, { ...entry, reapedTicks: 0 }]))),
    };
    const { read, burned } = await measure(blind, () => burn('child', 0.8));
    expect(read / burned).toBeLessThan(0.5);
  });

  it('counts a child once that was reaped between the reading of the table and that of its clock', () => {
    const table = (parentReapedTicks: number, ids: readonly number[]): ProcessTable =>
      new Map(
        ids.map((id) => [
          id,
          {
            id,
            parentId: 1,
            isZombie: false,
            startTicks: id,
            cpuTicks: 0,
            reapedTicks: id === 7 ? parentReapedTicks : 0,
          },
        ]),
      );
    let child: number | undefined = 1;
    const meter = createCpuMeter(
      (processes) => processes.keys(),
      ({ id }) => (id === 7 ? 0 : child),
    );
    meter.read(table(0, [7, 8]));
    child = undefined;
    expect(meter.read(table(0, [7, 8]))).toBe(0);
    expect(meter.read(table(150, [7]))).toBe(0.5);
  });

  it('does not take a process for another one that had its id before', () => {
    const table = (startTicks: number, cpuTicks: number): ProcessTable =>
      new Map([[7, { id: 7, parentId: 1, isZombie: false, startTicks, cpuTicks, reapedTicks: 0 }]]);
    const meter = createCpuMeter((processes) => processes.keys(), cpuSecondsFromStat);
    expect(meter.read(table(100, 5_000))).toBe(0);
    expect(meter.read(table(900, 30))).toBe(0.3);
  });
});
