import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
