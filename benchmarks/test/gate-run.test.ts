import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import type { RunningVariant } from '../environments/environment.ts';
import { compareCounters } from '../gate/compare-counters.ts';
import type { GateSlot, GateVariant } from '../gate/gate-record.ts';
import { describeDifference } from '../gate/judge-gate.ts';
import { countSources } from '../gate-run/count-sources.ts';
import { readExpectations } from '../gate-run/expectations.ts';
import { measureBlocks } from '../gate-run/measure-blocks.ts';
import { createPlantedLoss } from '../gate-run/planted-loss.ts';
import { openWorkTrees, type WorkTrees } from '../gate-run/work-trees.ts';
import { createProgress } from '../protocol/progress.ts';
import { plantedChanges, withChange } from '../selftest/planted-changes.ts';
import { runCase, type SelfTestContext } from '../selftest/self-test-case.ts';
import { gateSlots } from './synthetic-gate.ts';

const top = join(import.meta.dirname, '..', '..');
const context: SelfTestContext = {
  sources: top,
  onStep: () => {},
  signal: new AbortController().signal,
  lab: () => Promise.reject(new Error('the counters need no live lab')),
};

let folder: string;
let trees: WorkTrees;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gate-run-test-'));
  trees = await openWorkTrees(folder, () => {});
});
afterAll(async () => {
  await trees.remove();
  await rm(folder, { recursive: true });
});

const registered = async (): Promise<string> => (await execa('git', ['worktree', 'list'], { cwd: top })).stdout;

describe('work trees', () => {
  test('have the commit’s files and the packages of this one, and go again', async () => {
    const own = await mkdtemp(join(tmpdir(), 'work-tree-test-'));
    const others = await openWorkTrees(own, () => {});
    const { path, commit } = await others.checkOut('head', 'HEAD');
    const { stdout } = await execa('git', ['rev-parse', 'HEAD'], { cwd: path });
    expect([stdout, commit]).toEqual([commit, (await execa('git', ['rev-parse', 'HEAD'], { cwd: top })).stdout]);
    expect(await readdir(join(path, 'node_modules'))).toContain('vitest');
    expect(await registered()).toContain(path);
    await others.remove();
    expect(await registered()).not.toContain(path);
    await rm(own, { recursive: true });
  });

  test('are refused for what is no commit', async () => {
    await expect(trees.checkOut('nothing', 'no-such-branch')).rejects.toThrow(/git knows no commit no-such-branch/);
  });
});

describe('a planted change', () => {
  const nPlusOne = plantedChanges[0];

  test('is named by the exact counters of a real service, and undone', async () => {
    if (nPlusOne === undefined) throw new Error('no change is planted');
    const { path } = await trees.checkOut('planted', 'HEAD');
    const before = await readFile(join(path, nPlusOne.change.file), 'utf8');
    const counters = await withChange(path, nPlusOne.change, () => countSources({ ...context, sources: path }));
    const above = compareCounters(await readExpectations(path), counters).above.map(describeDifference);
    expect(above.join('\n')).toMatch(nPlusOne.mustSay);
    expect(above.join('\n')).toMatch(/executions, by the database select "id", "title"/);
    expect(await readFile(join(path, nPlusOne.change.file), 'utf8')).toBe(before);
  }, 120_000);

  test('has its text in the sources exactly once, each of them', async () => {
    const places = await Promise.all(
      plantedChanges.map(
        async ({ change }) => (await readFile(join(top, change.file), 'utf8')).split(change.from).length - 1,
      ),
    );
    expect(places).toEqual(plantedChanges.map(() => 1));
  });

  test('is refused when its text is not there', async () => {
    const change = { file: 'package.json', from: 'no such text', to: '' };
    await expect(withChange(top, change, () => Promise.resolve())).rejects.toThrow(/package.json .* 0 times/);
  });
});

describe('a case of the self-test', () => {
  const run = (mustSay: RegExp | 'nothing', lines: readonly string[] | Error) =>
    runCase(
      { name: 'case', mustSay, run: () => (lines instanceof Error ? Promise.reject(lines) : Promise.resolve(lines)) },
      context,
    );

  test.each([
    [true, 'the line is said', /statements a/, ['b', 'statements a: 2']],
    [false, 'another line is said', /statements a/, ['statements b: 2']],
    [false, 'nothing is said', /statements a/, []],
    [false, 'the case breaks, even by the very words', /statements a/, new Error('statements a')],
    [true, 'nothing had to be said', 'nothing', []],
    [false, 'something is said about what is healthy', 'nothing', ['statements a: 2']],
  ] as const)('is caught: %s, when %s', async (caught, _, mustSay, lines) => {
    expect((await run(mustSay, lines)).caught).toBe(caught);
  });
});

describe('the blocks of a gate', () => {
  const variant = (id: GateVariant): RunningVariant => ({
    id: id === 'head' ? 'after' : 'before',
    apiUrl: `http://${id}`,
    adminUrl: '',
    workerAdminUrls: [],
    apiToken: '',
    database: { engine: 'sqlite', file: '' },
    redisCacheUrl: '',
    redisQueueUrl: id,
    readSettings: () => Promise.resolve([]),
    parts: [],
  });

  test('are served by new processes every third time, warmed first, and by all at once', async () => {
    const events: string[] = [];
    const recorded = gateSlots({ load: 'reads', blocks: 1, control: true });
    const kept: GateSlot[] = [];
    const running = new Map((['base', 'head', 'control'] as const).map((id) => [id, variant(id)]));
    await measureBlocks({
      load: 'reads',
      blocks: 6,
      seed: 1,
      instances: {
        restart() {
          events.push('restart');
          return Promise.resolve(running);
        },
      },
      slots: {
        warmUp: (instances) => Promise.resolve(void events.push(`warm ${[...instances.keys()].join()}`)),
        run(instances, { block }) {
          expect(instances).toBe(running);
          events.push('block');
          return Promise.resolve(recorded.map((slot) => ({ ...slot, block })));
        },
      },
      progress: createProgress({ write: () => true }),
      onBlock: (slots) => kept.push(...slots),
    });
    const session = ['restart', 'warm base,head,control', 'block', 'block', 'block'];
    expect(events).toEqual([...session, ...session]);
    expect(kept.map(({ block, variant: id }) => `${block} ${id}`).slice(-3)).toEqual(['6 base', '6 head', '6 control']);
  });
});

describe('a planted loss of CPU', () => {
  const requests = 200;
  const lossSeconds = 0.002;

  async function cpuSeconds(loss: number): Promise<number> {
    const own = await mkdtemp(join(tmpdir(), 'loss-test-'));
    const planted = createPlantedLoss(own, 'head');
    planted.set({ reads: loss, 'seat-creation': 0 });
    const script = fileURLToPath(new URL('fixtures/counting-server.ts', import.meta.url));
    const env = { ...process.env, ...planted.configuration };
    const server = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(server, 'exit');
    try {
      const [address] = z.tuple([z.instanceof(Buffer)]).parse(await once(server.stdout, 'data'));
      const { port } = z.object({ port: z.int() }).parse(JSON.parse(address.toString()));
      const used = async (): Promise<number> => Number(await (await fetch(`http://127.0.0.1:${port}/cpu`)).text());
      await used();
      const before = await used();
      for (let request = 0; request < requests; request += 1) await (await fetch(`http://127.0.0.1:${port}/`)).text();
      return ((await used()) - before) / 1e6;
    } finally {
      server.kill();
      await ended;
      await rm(own, { recursive: true });
    }
  }

  test('burns what was set for each request, and nothing when nothing was', async () => {
    const [without, withLoss] = [await cpuSeconds(0), await cpuSeconds(lossSeconds)];
    // The last request of the window burns as well, before it is answered.
    const burned = (requests + 1) * lossSeconds;
    expect(withLoss - without).toBeGreaterThan(0.9 * burned);
    expect(withLoss - without).toBeLessThan(1.3 * burned);
  });
});
