import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';

import { toolsDirectory } from '../../../benchmarks/toolchain/locate-tool.ts';
import { unpackOnce } from './unpack-once.ts';

export interface PrivateEngine {
  /** Everything of it; what `restartEngine` knows it by. */
  readonly folder: string;
  /** `DOCKER_HOST`, and a PATH that begins with the engine's own programs. */
  readonly environment: Readonly<Record<'DOCKER_HOST' | 'PATH' | 'LD_LIBRARY_PATH' | 'XTABLES_LIBDIR', string>>;
  /** What `docker` printed. Rejects with its words when it fails. */
  docker(...args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

const root = join(toolsDirectory, 'docker');
const libraries = 'usr/lib/x86_64-linux-gnu';
const packages = ['docker.io', 'containerd', 'runc', 'iptables', 'busybox-static'];

/** Why no engine can be started here, in a sentence; `undefined` when one can. */
export function whyNoEngine(): string | undefined {
  if (process.platform !== 'linux') return `a private Docker engine needs Linux, this is ${process.platform}`;
  return process.getuid?.() === 0 ? undefined : 'a private Docker engine needs root';
}

/** A Docker engine of our own from Debian's packages, with every path of it in a scratch folder. */
export async function startPrivateEngine(): Promise<PrivateEngine> {
  await unpackOnce('docker', packages);
  const folder = await mkdtemp(join(tmpdir(), 'engine-'));
  await mkdir(join(folder, 'bin'));
  for (const name of ['iptables', 'ip6tables'])
    await symlink(join(root, 'usr/sbin/xtables-legacy-multi'), join(folder, 'bin', name));
  await startDaemon(folder);
  const environment = environmentOf(folder);
  return {
    folder,
    environment,
    docker: async (...args) => (await execa('docker', args, { env: environment })).stdout,
    async stop() {
      await removeNetworks(environment);
      await endDaemon(folder);
      await rm(folder, { recursive: true });
    },
  };
}

/** An engine that ends leaves their bridges on the machine. One that a test has killed for good has nobody to ask. */
async function removeNetworks(environment: PrivateEngine['environment']): Promise<void> {
  const docker = (...args: readonly string[]) => execa('docker', args, { env: environment, reject: false });
  const ids = (await docker('ps', '--all', '--quiet')).stdout.split('\n').filter((id) => id !== '');
  if (ids.length > 0) await docker('rm', '--force', '--volumes', ...ids);
  await docker('network', 'prune', '--force');
}

/** Ends the engine of this folder, whichever process has started it, and starts it again on the same data. */
export async function restartEngine(folder: string): Promise<void> {
  await endDaemon(folder);
  await startDaemon(folder);
}

function environmentOf(folder: string): PrivateEngine['environment'] {
  return {
    DOCKER_HOST: `unix://${folder}/docker.sock`,
    PATH: [join(folder, 'bin'), join(root, 'usr/bin'), join(root, 'usr/sbin'), process.env['PATH']].join(delimiter),
    LD_LIBRARY_PATH: join(root, libraries),
    // Where iptables finds its matches, for the name server that each container has.
    XTABLES_LIBDIR: join(root, libraries, 'xtables'),
  };
}

const startsWithinMs = 30_000;
const lookEveryMs = 200;

async function startDaemon(folder: string): Promise<void> {
  const environment = environmentOf(folder);
  const log = await open(join(folder, 'dockerd.log'), 'a');
  const daemon = spawn(
    'dockerd',
    [
      `--data-root=${join(folder, 'data')}`,
      `--exec-root=${join(folder, 'exec')}`,
      `--pidfile=${pidFile(folder)}`,
      `--host=${environment.DOCKER_HOST}`,
      '--iptables=false',
      '--storage-driver=overlay2',
    ],
    { env: { ...process.env, ...environment }, stdio: ['ignore', log.fd, log.fd] },
  );
  await log.close();
  const deadline = Date.now() + startsWithinMs;
  while ((await execa('docker', ['version'], { env: environment, reject: false })).failed) {
    if (Date.now() > deadline || daemon.exitCode !== null) {
      throw new Error(`dockerd did not start within ${startsWithinMs} ms: ${join(folder, 'dockerd.log')} says why`);
    }
    await sleep(lookEveryMs);
  }
}

async function endDaemon(folder: string): Promise<void> {
  const id = await readProcessId(pidFile(folder));
  if (id === undefined) return;
  process.kill(id, 'SIGTERM');
  await untilGone(id);
}

async function readProcessId(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text === '' ? undefined : Number(text);
}

function pidFile(folder: string): string {
  return join(folder, 'pid');
}

async function untilGone(id: number): Promise<void> {
  while (await isRunning(id)) await sleep(lookEveryMs);
}

/** Neither gone nor a zombie that its parent has yet to ask for. */
async function isRunning(id: number): Promise<boolean> {
  const stat = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}
