import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';

import { toolsDirectory } from '../../../benchmarks/toolchain/locate-tool.ts';
import { freePort } from './free-port.ts';
import { unpackOnce } from './unpack-once.ts';

export interface SshHost {
  /** `ssh://deploy@127.0.0.1:<port>`, as DOCKER_HOST takes it. */
  readonly url: string;
  /** The host's line of `known_hosts`. */
  readonly knownHosts: string;
  /** A line for the same host with another key. */
  readonly forgedKnownHosts: string;
  /** The private key that lets `deploy` in. */
  readonly userKey: string;
  stop(): Promise<void>;
}

const root = join(toolsDirectory, 'ssh-server');
const remoteDocker = join(toolsDirectory, 'docker/usr/bin/docker');
/** Of the user deploy, who may use the engine's socket. */
const deployId = 2375;

/**
 * An SSH server on loopback, from Debian's package, before an engine that listens on `socket`. Who comes in is a user
 * `deploy` that only the server's own mount namespace knows, where the engine's socket is at its usual place: this
 * machine's accounts and its /run stay as they are. Root, Linux.
 */
export async function startSshHost(socket: string): Promise<SshHost> {
  await unpackOnce('ssh-server', ['openssh-server']);
  const scratch = await mkdtemp(join(tmpdir(), 'ssh-host-'));
  await chmod(scratch, 0o755);
  await chown(socket, 0, deployId);
  const [hostKey, forgedKey, userKey] = await Promise.all(
    ['host_key', 'forged_key', 'user_key'].map((name) => createKey(join(scratch, name))),
  );
  await writeFile(join(scratch, 'authorized_keys'), userKey?.publicKey ?? '');
  const port = await freePort();
  await writeFile(join(scratch, 'sshd_config'), serverConfiguration(scratch, port));
  const accounts = await readFile('/etc/passwd', 'utf8');
  await writeFile(
    join(scratch, 'passwd'),
    `${accounts.replaceAll(/^(sshd|deploy):.*\n/gm, '')}sshd:*:104:65534::/run/sshd:/usr/sbin/nologin\ndeploy:*:${deployId}:${deployId}::/:/bin/sh\n`,
  );
  const server = await startServer(scratch, { socket, port });
  const lineOf = (key: Key | undefined): string => `[127.0.0.1]:${port} ${key?.publicKey ?? ''}`;
  return {
    url: `ssh://deploy@127.0.0.1:${port}`,
    knownHosts: lineOf(hostKey),
    forgedKnownHosts: lineOf(forgedKey),
    userKey: userKey?.privateKey ?? '',
    async stop() {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
      await rm(scratch, { recursive: true });
    },
  };
}

interface Key {
  readonly privateKey: string;
  readonly publicKey: string;
}

async function createKey(file: string): Promise<Key> {
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file]);
  return { privateKey: await readFile(file, 'utf8'), publicKey: await readFile(`${file}.pub`, 'utf8') };
}

function serverConfiguration(scratch: string, port: number): string {
  return `ListenAddress 127.0.0.1:${port}
HostKey ${scratch}/host_key
AuthorizedKeysFile ${scratch}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
AllowUsers deploy
SetEnv PATH=/run/bin:/usr/bin:/bin
PidFile none
`;
}

const inOwnNamespace = `
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/sshd /run/bin
touch /run/docker.sock /run/bin/docker
mount --bind "$SOCKET" /run/docker.sock
mount --bind "$REMOTE_DOCKER" /run/bin/docker
mount --bind "$SCRATCH/passwd" /etc/passwd
exec "$SERVER" -D -e -f "$SCRATCH/sshd_config"`;

async function startServer(
  scratch: string,
  { socket, port }: { readonly socket: string; readonly port: number },
): Promise<ChildProcess> {
  const log = await open(join(scratch, 'sshd.log'), 'a');
  const server = spawn('unshare', ['--mount', '--propagation=private', 'sh', '-euc', inOwnNamespace], {
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(root, 'usr/lib/x86_64-linux-gnu'),
      SCRATCH: scratch,
      SOCKET: socket,
      REMOTE_DOCKER: remoteDocker,
      SERVER: join(root, 'usr/sbin/sshd'),
    },
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const deadline = Date.now() + 10_000;
  for (;;) {
    const said = await readFile(join(scratch, 'sshd.log'), 'utf8');
    if (said.includes(`listening on 127.0.0.1 port ${port}`)) return server;
    if (Date.now() > deadline || server.exitCode !== null) {
      server.kill('SIGTERM');
      throw new Error(`sshd did not listen on port ${port} within 10 s: ${said}`);
    }
    await sleep(50);
  }
}
