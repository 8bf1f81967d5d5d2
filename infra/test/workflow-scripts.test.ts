import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parseWorkflow } from './workflow-rules.ts';

const workflows = fileURLToPath(new URL('../../.github/workflows', import.meta.url));
let scratch: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'workflow-scripts-'));
});

afterEach(async () => {
  await rm(scratch, { recursive: true });
});

/** A stand-in for a program. */
async function program(path: string, script: string): Promise<void> {
  await mkdir(dirname(join(scratch, path)), { recursive: true });
  await writeFile(join(scratch, path), `#!/bin/sh\n${script}\n`);
  await chmod(join(scratch, path), 0o755);
}

/** The script of the step of this name, run as a runner does, in the scratch folder. */
async function runStep(file: string, name: string, environment: Readonly<Record<string, string>> = {}) {
  const { jobs } = parseWorkflow(await readFile(join(workflows, file), 'utf8'));
  const step = Object.values(jobs)
    .flatMap(({ steps }) => steps)
    .find((candidate) => candidate['name'] === name);
  if (step?.run === undefined) throw new Error(`${file} has no step "${name}" with a script`);
  return execa('bash', ['--noprofile', '--norc', '-e', '-c', step.run], {
    cwd: scratch,
    env: { PATH: [join(scratch, 'bin'), process.env['PATH']].join(delimiter), ...environment },
    reject: false,
    all: true,
  });
}

describe('the step that blocks a merge', () => {
  it.each([
    ['PASS', 0, 0],
    ['FAIL', 1, 1],
    ['INCONCLUSIVE', 2, 0],
    ['INVALID', 3, 0],
    ['no verdict', 4, 4],
  ])('of a gate that ended with %s, %d, ends with %d', async (_verdict, status, expected) => {
    await program('benchmarks/toolchain/run-node.sh', `exit ${status}`);
    expect(await runStep('gate.yml', 'Block on FAIL alone')).toMatchObject({ exitCode: expected });
  });
});

describe('the step that comments', () => {
  const environment = { HEAD_SHA: 'a'.repeat(40) };
  /** Answers the search with a number, and writes down how it was asked to comment. */
  const gh = (number: string): Promise<void> =>
    program('bin/gh', `if [ "$2" = list ]; then echo "${number}"; else echo "$@" > asked; fi`);
  const asked = (): Promise<string | undefined> => readFile(join(scratch, 'asked'), 'utf8').catch(() => undefined);

  beforeEach(async () => {
    await mkdir(join(scratch, 'gate'));
  });

  it('writes the report under the pull request with the head that was measured', async () => {
    await gh('17');
    await writeFile(join(scratch, 'gate/report.md'), '# PASS $(touch ran) `touch ran`\n');

    expect(await runStep('gate-comment.yml', 'Comment', environment)).toMatchObject({ exitCode: 0 });

    expect(await asked()).toBe('pr comment 17 --body-file comment.md --edit-last --create-if-none\n');
    expect(await readFile(join(scratch, 'comment.md'), 'utf8')).toBe('# PASS $(touch ran) `touch ran`\n');
    await expect(readFile(join(scratch, 'ran'))).rejects.toThrow('ENOENT');
  });

  it('cuts a report that is longer than a comment may be', async () => {
    await gh('17');
    await writeFile(join(scratch, 'gate/report.md'), 'x'.repeat(70_000));
    await runStep('gate-comment.yml', 'Comment', environment);
    expect(await readFile(join(scratch, 'comment.md'), 'utf8')).toHaveLength(60_000);
  });

  it('writes nothing where the pull request has another head by now', async () => {
    await gh('');
    await writeFile(join(scratch, 'gate/report.md'), '# PASS\n');
    const { exitCode, all } = await runStep('gate-comment.yml', 'Comment', environment);
    expect([exitCode, all, await asked()]).toEqual([
      0,
      `no open pull request has the head ${environment.HEAD_SHA} any more`,
      undefined,
    ]);
  });

  it('shows no file that the artifact only points at', async () => {
    await gh('17');
    await writeFile(join(scratch, 'secret'), 'token');
    await symlink('../secret', join(scratch, 'gate/report.md'));
    expect(await runStep('gate-comment.yml', 'Comment', environment)).toMatchObject({
      exitCode: 1,
      all: 'gate/report.md is no file',
    });
    expect(await asked()).toBeUndefined();
  });
});
