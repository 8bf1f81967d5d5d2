import { once } from 'node:events';
import { chmod, copyFile, lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const realScript = fileURLToPath(new URL('../toolchain/run-node.sh', import.meta.url));

/** A project with one lockfile and an npm that writes down when it is called; Node is this one. */
let project: string;
let script: string;

/** What npm leaves behind; `ci` takes long enough for two starts to meet. */
const fakeNpm = `#!/bin/sh
echo "$@" >> npm-calls
sleep 0.3
[ ! -e npm-is-broken ] || exit 1
rm -rf node_modules
mkdir -p node_modules/.bin
ln -s '${process.execPath}' node_modules/.bin/node
`;

async function program(name: string, text: string): Promise<void> {
  await writeFile(join(project, 'bin', name), text);
  await chmod(join(project, 'bin', name), 0o755);
}

const run = (...args: string[]) =>
  execa(script, args, { cwd: tmpdir(), env: { PATH: `${project}/bin:/usr/bin:/bin` }, reject: false });

const npmCalls = async () => (await readFile(join(project, 'npm-calls'), 'utf8')).trim().split('\n');

const lockfile = (version: string) => JSON.stringify({ packages: { '': {}, 'node_modules/node': { version } } });
const installedList = (version: string) => JSON.stringify({ packages: { 'node_modules/node': { version } } });

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'run-node-test-'));
  script = join(project, 'benchmarks/toolchain/run-node.sh');
  await Promise.all(['bin', 'benchmarks/toolchain'].map((folder) => mkdir(join(project, folder), { recursive: true })));
  await copyFile(realScript, script);
  await writeFile(join(project, 'package-lock.json'), lockfile('24.0.0'));
  await program('npm', fakeNpm);
  await symlink(process.execPath, join(project, 'bin/node'));
});

afterEach(() => rm(project, { recursive: true }));

describe('the packages', () => {
  it('are installed once, and again when package-lock.json has changed', async () => {
    expect((await run('-p', '1 + 1')).stdout).toBe('2');
    await run('--version');
    expect(await npmCalls()).toHaveLength(1);

    await writeFile(join(project, 'package-lock.json'), lockfile('24.0.1'));
    await run('--version');
    expect(await npmCalls()).toHaveLength(2);
  });

  it('are installed once by two that start at the same time', async () => {
    const results = await Promise.all([run('-p', '1'), run('-p', '2'), run('-p', '3')]);

    expect(results.map(({ stdout }) => stdout)).toEqual(['1', '2', '3']);
    expect(await npmCalls()).toHaveLength(1);
  });

  it('are not installed again when npm was run by hand, unless it installed something else', async () => {
    await mkdir(join(project, 'node_modules/.bin'), { recursive: true });
    await symlink(process.execPath, join(project, 'node_modules/.bin/node'));
    await writeFile(join(project, 'node_modules/.package-lock.json'), installedList('24.0.0'));
    expect((await run('-p', '1')).stdout).toBe('1');
    await expect(npmCalls()).rejects.toThrow('ENOENT');

    await writeFile(join(project, 'package-lock.json'), lockfile('24.0.1'));
    await run('--version');
    expect(await npmCalls()).toHaveLength(1);
  });

  it('are installed by the next one when the one before was killed in the middle of it', async () => {
    const { stdout: deadProcessId } = await execa('sh', ['-c', 'echo $$']);
    await mkdir(join(project, '.tools'));
    await symlink(deadProcessId, join(project, '.tools/npm-ci.lock'));

    expect((await run('-p', '1')).stdout).toBe('1');
    expect(await npmCalls()).toHaveLength(1);
    await expect(lstat(join(project, '.tools/npm-ci.lock'))).rejects.toThrow('ENOENT');
  });

  it('that could not be installed are a failure with the command to run, and are tried again', async () => {
    await writeFile(join(project, 'npm-is-broken'), '');
    const failed = await run('-p', '1');
    expect(failed.exitCode).toBe(4);
    expect(failed.stderr.split('\n').at(-1)).toBe('  npm ci');

    await rm(join(project, 'npm-is-broken'));
    expect((await run('-p', '1')).stdout).toBe('1');
  });
});

describe('what the machine must have', () => {
  it('is Node.js 20 or later', async () => {
    await rm(join(project, 'bin/node'));
    await program('node', '#!/bin/sh\n[ "$1" = --version ] && echo v18.19.0\nexit 1\n');

    const { exitCode, stderr } = await run('-p', '1');

    expect(exitCode).toBe(4);
    expect(stderr).toContain('Node.js 20 or later is needed to install the packages, found v18.19.0');
  });
});

describe('the script', () => {
  it('gives its own exit status', async () => {
    expect((await run('-e', 'process.exit(3)')).exitCode).toBe(3);
  });

  it('gets the signals that are sent to the process that was started', async () => {
    await run('--version');
    const program = "process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1000); console.log('ready')";
    const subprocess = run('-e', program);
    await once(subprocess.stdout, 'data');
    subprocess.kill('SIGTERM');

    expect((await subprocess).exitCode).toBe(9);
  });

  it('finds the Node.js of package-lock.json first on its PATH', async () => {
    const { stdout } = await run('-p', "process.env.PATH.split(':')[0]");
    expect(stdout).toBe(join(project, 'node_modules/.bin'));
  });
});
