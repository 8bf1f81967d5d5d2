import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { lockDirectory } from '../environments/directory-lock.ts';
import { withDefaults } from '../environments/environment-defaults.ts';

describe('the lock of a directory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'directory-lock-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is held by one at a time, and says what to do', () => {
    const first = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(
      `${directory} is in use: stop the process that has ${join(directory, 'lock.db')} open, and start again`,
    );
    first.release();
    lockDirectory(directory).release();
  });

  it('ends with the process that holds it, however that ends', async () => {
    const lock = new URL('../environments/directory-lock.ts', import.meta.url);
    const program = `import { lockDirectory } from '${lock.href}';
      lockDirectory(process.argv[1]); console.log('locked'); setInterval(() => {}, 1_000);`;
    const holder = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    expect(() => lockDirectory(directory)).toThrow('is in use');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    lockDirectory(directory).release();
  });
});

describe('the variables of make dev', () => {
  const defaults = { API_TOKEN: 'made', PERFORMANCE_CACHE: 'look-aside' };

  it('are those that nobody gave', () => {
    expect(withDefaults({ API_TOKEN: 'given', PERFORMANCE_CACHE: '' }, defaults)).toEqual({
      API_TOKEN: 'given',
      PERFORMANCE_CACHE: 'look-aside',
    });
  });

  it('leave out one that is given in a file, which the service would refuse beside it', () => {
    expect(withDefaults({ API_TOKEN_FILE: '/run/token' }, defaults)).toEqual({
      API_TOKEN_FILE: '/run/token',
      PERFORMANCE_CACHE: 'look-aside',
    });
  });
});

describe('make dev', () => {
  const repository = resolve(import.meta.dirname, '../..');
  let directory: string;
  let dev: ChildProcess;

  /** Starts it on data of its own, and resolves to what it has printed as soon as that has `words`. */
  async function printed(words: RegExp, variables: Readonly<Record<string, string>>): Promise<string> {
    directory = await mkdtemp(join(tmpdir(), 'dev-test-'));
    await symlink(join(repository, 'service'), join(directory, 'service'));
    dev = spawn(process.execPath, [join(repository, 'benchmarks/environments/dev.ts')], {
      cwd: directory,
      env: { ...process.env, PORT: '0', ADMIN_PORT: '0', ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    await new Promise<void>((seen, failed) => {
      const listen = (chunk: Buffer) => {
        text += chunk.toString();
        if (words.test(text)) seen();
      };
      dev.stdout?.on('data', listen);
      dev.stderr?.on('data', listen);
      dev.once('exit', (status) => failed(new Error(`it ended with ${status}: ${text}`)));
    });
    return text;
  }

  async function interrupt(): Promise<unknown> {
    const ended = once(dev, 'exit');
    dev.kill('SIGINT');
    return await ended;
  }

  afterEach(async () => {
    if (dev.exitCode === null) await interrupt();
    await rm(directory, { recursive: true });
  });

  it('says where everything is when the service listens, and nothing of a failure; Ctrl-C ends it', async () => {
    const text = await printed(/stop {5}Ctrl-C/, {});
    expect(text).toMatch(/API {6}http:\/\/127\.0\.0\.1:\d+\/performances/);
    expect(text).toMatch(/redis {4}redis:\/\/127\.0\.0\.1:\d+ has the queue, redis:\/\/127\.0\.0\.1:\d+ the cache/);
    expect(text).not.toContain('run make dev anew');
    expect(await interrupt()).toEqual([0, null]);
  });

  it('says what to do when the service could not start, instead of waiting without a word', async () => {
    expect(await printed(/run make dev anew/, { PORT: 'abc' })).toContain('PORT must be a whole number');
  });
});
