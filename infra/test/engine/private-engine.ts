import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';

import { toolsDirectory } from '../../../benchmarks/toolchain/locate-tool.ts';
import { unpackOnce } from './unpack-once.ts';

export interface PrivateEngine {
  /** `DOCKER_HOST`, and a PATH that begins with the engine's own programs. */
  readonly environment: Readonly<Record<'DOCKER_HOST' | 'PATH' | 'LD_LIBRARY_PATH' | 'XTABLES_LIBDIR', string>>;
  /** What `docker` printed. Rejects with its words when it fails. */
  docker(...args: readonly string[]): Promise<string>;
  /** Ends the daemon and starts it again on the same data. */
  restart(): Promise<void>;
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
  const scratch = await mkdtemp(join(tmpdir(), 'engine-'));
  const bin = join(scratch, 'bin');
  await mkdir(bin);
  for (const name of ['iptables', 'ip6tables'])
    await symlink(join(root, 'usr/sbin/xtables-legacy-multi'), join(bin, name));
  const environment = {
    DOCKER_HOST: `unix://${scratch}/docker.sock`,
    PATH: [bin, join(root, 'usr/bin'), join(root, 'usr/sbin'), process.env['PATH']].join(delimiter),
    LD_LIBRARY_PATH: join(root, libraries),
    // Where iptables finds its matches, for the name server that each container has.
    XTABLES_LIBDIR: join(root, libraries, 'xtables'),
  };
  const docker = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await execa('docker', args, { env: environment });
    return stdout;
  };
  let daemon = await startDaemon(scratch, environment, docker);
  return {
    environment,
    docker,
    async restart() {
      await endDaemon(daemon);
      daemon = await startDaemon(scratch, environment, docker);
    },
    async stop() {
      await endDaemon(daemon);
      await rm(scratch, { recursive: true });
    },
  };
}

interface Daemon {
  readonly process: ChildProcess;
  readonly ended: Promise<unknown>;
}

async function startDaemon(
  scratch: string,
  environment: PrivateEngine['environment'],
  docker: PrivateEngine['docker'],
): Promise<Daemon> {
  const log = await open(join(scratch, 'dockerd.log'), 'a');
  const daemon = spawn(
    'dockerd',
    [
      `--data-root=${join(scratch, 'data')}`,
      `--exec-root=${join(scratch, 'exec')}`,
      `--pidfile=${join(scratch, 'pid')}`,
      `--host=${environment.DOCKER_HOST}`,
      '--iptables=false',
      '--storage-driver=overlay2',
    ],
    { env: { ...process.env, ...environment }, stdio: ['ignore', log.fd, log.fd] },
  );
  await log.close();
  const ended = once(daemon, 'exit');
  const deadline = Date.now() + 30_000;
  for (;;) {
    const isUp = await docker('version').then(
      () => true,
      () => false,
    );
    if (isUp) return { process: daemon, ended };
    if (Date.now() > deadline || daemon.exitCode !== null) {
      throw new Error(`dockerd did not start within 30 s: ${join(scratch, 'dockerd.log')} says why`);
    }
    await sleep(200);
  }
}

async function endDaemon({ process: daemon, ended }: Daemon): Promise<void> {
  daemon.kill('SIGTERM');
  await ended;
}
