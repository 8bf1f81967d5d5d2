import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { requireDocker, requirePulumi } from '../deploy/requirements.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'programs-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A PATH with one program, which prints these words and ends with this status. */
async function pathWith(program: string, { words, status = 0 }: { readonly words: string; readonly status?: number }) {
  const stream = status === 0 ? '' : ' >&2';
  await writeFile(join(folder, program), `#!/bin/sh\n/bin/echo '${words}'${stream}\nexit ${status}\n`, { mode: 0o755 });
  return { PATH: folder };
}

test('says how to install pulumi where there is none', async () => {
  await expect(requirePulumi({ PATH: folder })).rejects.toThrow(
    /pulumi is not on the PATH. Install it:\n {2}(curl|brew)/,
  );
});

test('names the version of a pulumi that is too old, and takes one that is new enough', async () => {
  await expect(requirePulumi(await pathWith('pulumi', { words: 'v3.100.0' }))).rejects.toThrow(
    /pulumi is 3.100.0, 3.259.0 or later is needed/,
  );
  await expect(requirePulumi(await pathWith('pulumi', { words: 'v3.270.0' }))).resolves.toBeUndefined();
});

test('says how to install docker where there is none', async () => {
  await expect(requireDocker({ PATH: folder })).rejects.toThrow(/docker is not on the PATH. Install it:\n/);
});

test('says how to start an engine that does not answer, with its own words', async () => {
  const environment = await pathWith('docker', { words: 'Cannot connect to the Docker daemon', status: 1 });
  await expect(requireDocker(environment)).rejects.toThrow(/Cannot connect to the Docker daemon\nStart it:\n/);
});

test('says how to be let in by an engine that refuses the user', async () => {
  const environment = await pathWith('docker', { words: 'permission denied while trying to connect', status: 1 });
  await expect(requireDocker(environment)).rejects.toThrow(/usermod -aG docker/);
});

test('names the API of an engine that is too old, and takes one that is new enough', async () => {
  await expect(requireDocker(await pathWith('docker', { words: '1.40' }))).rejects.toThrow(/speaks API 1.40, 1.41/);
  await expect(requireDocker(await pathWith('docker', { words: '1.50' }))).resolves.toBeUndefined();
});
