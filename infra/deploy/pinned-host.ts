import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { DeployError } from './deploy-error.ts';

/** What decides which host is spoken to; `DOCKER_HOST=ssh://user@host` names it. */
export interface HostVariables {
  readonly PATH?: string | undefined;
  readonly DOCKER_HOST?: string | undefined;
  /** The host's line of `known_hosts`. */
  readonly DEPLOY_KNOWN_HOSTS?: string | undefined;
  /** The private key itself. */
  readonly DEPLOY_SSH_KEY?: string | undefined;
}

export interface PinnedHost {
  /** A PATH that begins with an `ssh` which knows this host's key and this key of ours, and no other. */
  readonly environment: Readonly<Record<'PATH', string>>;
  /** Takes the key away. */
  remove(): Promise<void>;
}

/**
 * Docker and Pulumi's provider reach an engine over the `ssh` of the PATH, without a way to give it options. On a
 * machine that nobody has set up, this is one that takes them from variables, and refuses every other host key.
 * `undefined` without those variables: then the `ssh` settings of whoever calls hold.
 * @throws {DeployError} when one of the two is missing
 */
export async function pinHost(variables: HostVariables): Promise<PinnedHost | undefined> {
  const { DOCKER_HOST: host = '', DEPLOY_KNOWN_HOSTS: knownHosts = '', DEPLOY_SSH_KEY: key = '' } = variables;
  if (!host.startsWith('ssh://') || (knownHosts === '' && key === '')) return undefined;
  if (knownHosts === '' || key === '') {
    const missing = knownHosts === '' ? 'DEPLOY_KNOWN_HOSTS' : 'DEPLOY_SSH_KEY';
    throw new DeployError(`${missing} is not set: ${host} is reached with both DEPLOY_SSH_KEY and DEPLOY_KNOWN_HOSTS`);
  }
  const path = variables.PATH ?? '';
  const folder = await mkdtemp(join(tmpdir(), 'pinned-host-'));
  await writeFile(join(folder, 'known_hosts'), `${knownHosts.trim()}\n`);
  // Without its last line's end ssh does not read it.
  await writeFile(join(folder, 'key'), `${key.trim()}\n`, { mode: 0o600 });
  await writeFile(join(folder, 'config'), sshConfiguration(folder));
  const program = join(folder, 'ssh');
  await writeFile(program, `#!/bin/sh\nPATH=${quoted(path)}\nexec ssh -F ${quoted(join(folder, 'config'))} "$@"\n`);
  await chmod(program, 0o700);
  return {
    environment: { PATH: [folder, path].join(delimiter) },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** See ssh_config(5). `-F` leaves out the settings of the user and of the machine. */
function sshConfiguration(folder: string): string {
  return `BatchMode yes
StrictHostKeyChecking yes
UpdateHostKeys no
UserKnownHostsFile "${folder}/known_hosts"
GlobalKnownHostsFile none
IdentitiesOnly yes
IdentityFile "${folder}/key"
ConnectTimeout 15
ServerAliveInterval 15
`;
}

/** For sh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
