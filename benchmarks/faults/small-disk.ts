import { spawnSync } from 'node:child_process';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSupervisedProcess, type SupervisedProcess, waitUntilReady } from '../environments/supervised-process.ts';

/**
 * A file system of limited size for a PostgreSQL server: a tmpfs in a mount namespace that a process of ours holds
 * open, so that the server may end and start again on it, and nothing is left of it when both are gone.
 */
export interface SmallDisk {
  /** The holder of the namespace. */
  readonly process: SupervisedProcess;
  /** The command in the namespace, as a user who is not root. For `PostgresServerRequest.place`. */
  readonly wrap: (command: string, args: readonly string[]) => [command: string, args: readonly string[]];
  /** Leaves no page free. The returned function makes room again, and may be called twice and at any time. */
  fill(): Promise<() => Promise<void>>;
  /** After the server has ended; the content is gone. */
  close(): Promise<void>;
}

export interface SmallDiskRequest {
  /** Of the server's request: gets the mount point and a log. */
  readonly directory: string;
  /** Of a cluster that is there and whose server does not run. */
  readonly dataDirectory: string;
  /** Three empty databases and 8 MB for each other one must fit. */
  readonly bytes: number;
  /**
   * tables: when it is full, statements that need room fail with 53100 (disk_full), and the server goes on. tables and
   * WAL: the server panics, and can't start before there is room again.
   */
  readonly holds: 'tables' | 'tables and WAL';
}

const folders = { tables: ['base'], 'tables and WAL': ['base', 'pg_wal'] } as const;

/** In which we are root, may mount, and all other users don't exist. */
const mountNamespace = ['--user', '--map-root-user', '--mount', '--propagation=private', '--'];
/** PostgreSQL refuses to run as root. */
const userNamespace = ['--user', '--map-user=1000', '--map-group=1000', '--'];

/** Arguments: size in bytes, mount point, data directory, folders of it. */
const mountScript = `
set -e
mount -t tmpfs -o "size=$1,mode=0700" small-disk "$2"
disk=$2 data=$3
shift 3
for folder; do
  cp -a "$data/$folder" "$disk/$folder"
  mount --bind "$disk/$folder" "$data/$folder"
done
echo mounted
exec sleep infinity
`;

/**
 * Moves folders of a cluster to a small disk; outside of the namespace they stay as they were. Only these, because what
 * the server writes beside its tables (its lock file, the state of transactions) would make other faults of the one
 * that is meant.
 *
 * @throws with the words of mount(8) or cp(1) when it can't be made
 */
export async function mountSmallDisk(request: SmallDiskRequest): Promise<SmallDisk> {
  const { directory, dataDirectory, bytes, holds } = request;
  const mountPoint = join(directory, 'small-disk');
  await mkdir(mountPoint);
  const mountArguments = [String(bytes), mountPoint, dataDirectory, ...folders[holds]];
  const holder = await startSupervisedProcess({
    name: 'small disk',
    command: 'unshare',
    args: [...mountNamespace, 'sh', '-c', mountScript, 'small-disk', ...mountArguments],
    environment: process.env,
    directory,
    logFile: join(directory, 'small-disk.log'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 5_000,
  });
  try {
    await waitUntilReady(holder, async () => ((await holder.log()).includes('mounted') ? true : undefined));
  } catch (error) {
    await holder.stop();
    throw error;
  }
  const filler = join(`/proc/${holder.processId}/root`, mountPoint, 'filler');
  const namespaces = ['--user', '--mount', '--preserve-credentials', `--target=${holder.processId}`, '--'];
  return {
    process: holder,
    wrap: (command, args) => ['nsenter', [...namespaces, 'unshare', ...userNamespace, command, ...args]],
    async fill() {
      const makeRoom = (): Promise<void> => rm(filler, { force: true });
      try {
        await fillWith(filler);
      } catch (error) {
        await makeRoom();
        throw error;
      }
      return makeRoom;
    },
    close: () => holder.stop(),
  };
}

const pageBytes = 4096;

/** Writes until there is no room for a page. */
async function fillWith(file: string): Promise<void> {
  const handle = await open(file, 'a');
  try {
    const content = Buffer.alloc(1024 * 1024);
    for (let bytes = content.length; bytes >= pageBytes; bytes /= 2) {
      while (await hasWritten(handle, content.subarray(0, bytes)));
    }
  } finally {
    await handle.close();
  }
}

async function hasWritten(handle: FileHandle, content: Buffer): Promise<boolean> {
  try {
    await handle.write(content);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}

/** Why this machine can't have a small disk, with the remedy; `undefined` when it can. */
export function smallDiskUnavailable(): string | undefined {
  if (process.platform !== 'linux') {
    return `a small disk needs namespaces, which only Linux has, this is ${process.platform}: run it in a Linux machine`;
  }
  const tryOut = 'mount -t tmpfs -o size=4096 small-disk "$1" && shift && exec unshare "$@" true';
  const { status, stderr, error } = spawnSync(
    'unshare',
    [...mountNamespace, 'sh', '-c', tryOut, 'small-disk', tmpdir(), ...userNamespace],
    { encoding: 'utf8' },
  );
  if (status === 0) return undefined;
  return [
    `a small disk needs a tmpfs in a user namespace, and this machine refuses it (${error?.message ?? stderr.trim()}):`,
    'sudo sysctl -w user.max_user_namespaces=15000 kernel.apparmor_restrict_unprivileged_userns=0,',
    'and in a container --privileged',
  ].join(' ');
}
