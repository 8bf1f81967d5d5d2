import { access } from 'node:fs/promises';
import { delimiter } from 'node:path';

import { execa } from 'execa';
import { expect, test } from 'vitest';

import { pinHost } from '../deploy/pinned-host.ts';

const variables = {
  PATH: process.env['PATH'],
  DOCKER_HOST: 'ssh://deploy@stage.example',
  DEPLOY_KNOWN_HOSTS: 'stage.example ssh-ed25519 AAAA',
  DEPLOY_SSH_KEY: 'a key',
};

/** The settings that the first `ssh` of this PATH would speak to the host with. */
async function settingsOf(path: string | undefined): Promise<readonly string[]> {
  const { stdout } = await execa('ssh', ['-G', 'stage.example'], { env: { PATH: path } });
  return stdout.split('\n');
}

test('takes the one host key and the one key from variables, and asks nobody', async () => {
  const host = await pinHost(variables);
  const path = host?.environment.PATH;
  const folder = path?.split(delimiter)[0];
  try {
    const pinned = await settingsOf(path);
    expect(pinned).toEqual(
      expect.arrayContaining([
        'stricthostkeychecking true',
        'batchmode yes',
        'identitiesonly yes',
        `userknownhostsfile ${folder}/known_hosts`,
        'globalknownhostsfile none',
        `identityfile ${folder}/key`,
      ]),
    );
    // The control: what ssh does otherwise.
    expect(await settingsOf(variables.PATH)).toContain('stricthostkeychecking ask');
  } finally {
    await host?.remove();
  }
  await expect(access(`${folder}/key`)).rejects.toThrow('ENOENT');
});

test('leaves ssh as it is without these variables, and for an engine of this machine', async () => {
  expect(await pinHost({ ...variables, DEPLOY_KNOWN_HOSTS: undefined, DEPLOY_SSH_KEY: '' })).toBeUndefined();
  expect(await pinHost({ ...variables, DOCKER_HOST: undefined })).toBeUndefined();
  expect(await pinHost({ ...variables, DOCKER_HOST: 'unix:///var/run/docker.sock' })).toBeUndefined();
});

test.each(['DEPLOY_KNOWN_HOSTS', 'DEPLOY_SSH_KEY'])('names %s when only the other one is set', async (missing) => {
  await expect(pinHost({ ...variables, [missing]: '' })).rejects.toThrow(`${missing} is not set`);
});
