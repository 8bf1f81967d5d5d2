import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));
let scratch: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'front-door-test-'));
});

afterEach(() => rm(scratch, { recursive: true }));

async function place(file: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(join(scratch, file)), { recursive: true });
  await writeFile(join(scratch, file), text);
  await chmod(join(scratch, file), mode);
}

const inScratch = (command: string, ...args: string[]) =>
  execa(command, args, {
    cwd: scratch,
    env: { PATH: `${scratch}/bin:${process.env['PATH']}` },
    reject: false,
    all: true,
  });

describe('make', () => {
  /** Not as the child of the make that runs these tests: that one's variables would be passed on. */
  const make = async (...args: string[]) => {
    const env = { PATH: process.env['PATH'] ?? '' };
    return (await execa('make', args, { cwd: repository, env, extendEnv: false })).stdout;
  };

  it('lists every target', async () => {
    const makefile = await readFile(join(repository, 'Makefile'), 'utf8');
    const targets = /^\.PHONY: (.*)$/m.exec(makefile)?.[1]?.split(' ') ?? [];
    expect(targets).toContain('bench');

    const listed = [...(await make()).matchAll(/^ {2}make ([\w-]+) +\S/gm)].map(([, target]) => target);
    expect(listed).toEqual(targets);
  });

  it('runs each target with one line that calls a named script', async () => {
    const targets = ['setup', 'doctor', 'dev', 'test', 'check', 'bench', 'faults', 'report', 'micro', 'clean'];
    const recipes = (await make('--dry-run', ...targets)).split('\n');

    expect(recipes).toHaveLength(targets.length);
    for (const recipe of recipes) expect(recipe).toMatch(/\S\.(ts|sh)( |$)/);
  });

  it('passes on only the variables that were set', async () => {
    expect((await make('--dry-run', 'bench')).trim()).toMatch(/cli\.ts run$/);
    expect(await make('--dry-run', 'bench', 'PROFILE=full', 'DATABASE=sqlite')).toMatch(
      /cli\.ts run +--profile 'full' --database 'sqlite'$/,
    );
    expect((await make('--dry-run', 'faults')).trim()).toMatch(/cli\.ts faults$/);
    expect(await make('--dry-run', 'faults', 'LONG=1', 'ROWS=zombie poison', 'SEED=7')).toMatch(
      /cli\.ts faults +--long --row zombie poison +--seed '7'$/,
    );
  });
});

describe('a setting that no target reads', () => {
  const make = (...args: string[]) =>
    execa('make', ['--dry-run', ...args], {
      cwd: repository,
      env: { PATH: process.env['PATH'] ?? '' },
      extendEnv: false,
      reject: false,
    });

  it.each([
    ['faults', 'ROW=zombie'],
    ['bench', 'EXPERMENT=cache-outage'],
    ['down', 'STACKK=bench'],
  ])('keeps make %s from running with %s', async (target, setting) => {
    const { exitCode, stdout, stderr } = await make(target, setting);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`nothing reads ${setting.split('=')[0]}: make lists the targets and their settings`);
  });

  it.each([
    ['faults', 'ROWS=zombie'],
    ['bench', 'REQUIRE_ALL=1'],
    ['bench', 'GRAFANA_URL=http://127.0.0.1:3000'],
    ['up', 'DOCKER_HOST=ssh://deploy@host'],
    ['dev', 'PORT=8080'],
    ['test', 'FUZZ_CASES=100'],
  ])('is not seen where make %s is given %s', async (target, setting) => {
    expect((await make(target, setting)).exitCode).toBe(0);
  });
});

describe('make check', () => {
  const check = () => inScratch(process.execPath, join(repository, '.config/check.ts'));

  it('runs every check, prints what a failed one said, and fails', async () => {
    const scripts = { 'check:first': 'echo broken at line 7; exit 1', 'check:second': 'echo not worth a word' };
    await place('package.json', JSON.stringify({ scripts }));

    const { exitCode, stdout } = await check();

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^FAILED +first +[\d.]+ s\nbroken at line 7\npassed +second +[\d.]+ s\n1 passed, 1 failed$/);
  });

  it('fails when there is nothing to check', async () => {
    await place('package.json', JSON.stringify({ scripts: {} }));
    expect((await check()).exitCode).toBe(1);
  });

  it('fails when the import check has seen next to nothing', async () => {
    await copyFile(join(repository, 'tsconfig.json'), join(scratch, 'tsconfig.json'));
    await place('service/src/main.ts', 'export const answer = 42;\n');

    const { exitCode, all } = await inScratch(process.execPath, join(repository, '.config/check-imports.ts'));

    expect(exitCode).toBe(1);
    expect(all).toContain('only 1 modules were seen');
  });
});

describe('the CI run', () => {
  const ci = async (makeScript: string) => {
    await place('bin/make', `#!/bin/sh\n${makeScript}\n`, 0o755);
    await mkdir(join(scratch, '.ci'));
    await copyFile(join(repository, '.ci/run'), join(scratch, '.ci/run'));
    const { exitCode, stdout } = await inScratch(join(scratch, '.ci/run'));
    return { exitCode, lastLine: stdout.split('\n').at(-1) };
  };

  it('adds the tests, the checks and the containers', async () => {
    expect(await ci('if [ $1 = test ]; then echo 40 passed, 0 failed; else echo 6 passed, 0 failed; fi')).toEqual({
      exitCode: 0,
      lastLine: '52 passed, 0 failed',
    });
  });

  it('fails when one of them fails, whatever make prints after it', async () => {
    expect(await ci('echo 5 passed, 1 failed; echo "make: *** [test] Error 1" >&2; exit 2')).toEqual({
      exitCode: 1,
      lastLine: '15 passed, 3 failed',
    });
  });

  it('fails when a stage dies without a sum', async () => {
    expect(await ci('if [ $1 = test ]; then exit 2; else echo 6 passed, 0 failed; fi')).toEqual({
      exitCode: 1,
      lastLine: '12 passed, 1 failed',
    });
  });
});
