import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where the kernel accounts for a container as a whole: for all its processes, those that have ended included. With
 * version 1 each controller has a hierarchy of its own, with version 2 they share one (cgroups(7)).
 */
export interface ControlGroup {
  readonly version: 1 | 2;
  /** With `cpuacct.usage` or `cpu.stat`. */
  readonly cpuFolder: string;
  /** With `memory.stat`. */
  readonly memoryFolder: string;
}

/** The texts of /proc/<pid>/cgroup and of /proc/self/mountinfo. */
interface KernelTexts {
  readonly membership: string;
  readonly mounts: string;
}

/** @throws when there is no such process, or its CPU time or memory are accounted for nowhere */
export function findControlGroup(processId: number): ControlGroup {
  return parseControlGroup({
    membership: readFileSync(`/proc/${processId}/cgroup`, 'utf8'),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
  });
}

/** Pure. Where both versions are mounted, a controller is in one of them, and version 1 says so by its name. */
export function parseControlGroup({ membership, mounts }: KernelTexts): ControlGroup {
  const memberships = membership
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, controllers = '', ...path] = line.split(':');
      return { controllers: controllers.split(','), path: path.join(':') };
    });
  const folderOf = (controller: string): string => {
    const own = memberships.find(({ controllers }) => controllers.includes(controller));
    const mount = parseMounts(mounts).find(({ type, options }) =>
      own && controller !== '' ? type === 'cgroup' && options.includes(controller) : type === 'cgroup2',
    );
    if (!own || !mount) {
      throw new Error(`the kernel accounts for ${controller || 'cgroup2'} nowhere: mount it below /sys/fs/cgroup`);
    }
    return join(mount.folder, own.path.startsWith(mount.root) ? own.path.slice(mount.root.length) : own.path);
  };
  const isVersion1 = memberships.some(({ controllers }) => controllers.includes('cpuacct'));
  return isVersion1
    ? { version: 1, cpuFolder: folderOf('cpuacct'), memoryFolder: folderOf('memory') }
    : { version: 2, cpuFolder: folderOf(''), memoryFolder: folderOf('') };
}

/** Fields of proc_pid_mountinfo(5): id, parent, device, root, mount point, options, … - type, source, its own options. */
function parseMounts(mounts: string) {
  return mounts
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [, , , root = '/', folder = ''] = before.split(' ');
      const [type = '', , options = ''] = after.split(' ');
      return { root, folder, type, options: options.split(',') };
    });
}

/** As it stands in samples.ndjson. */
export const cpuSources = { 1: 'cpuacct.usage of the cgroup', 2: 'cpu.stat of the cgroup' } as const;
export const memorySource = 'memory.stat of the cgroup';

/** Since the container was started. */
export function readCpuSeconds({ version, cpuFolder }: ControlGroup): number {
  if (version === 1) return Number(readFileSync(join(cpuFolder, 'cpuacct.usage'), 'utf8')) / 1e9;
  return readField(join(cpuFolder, 'cpu.stat'), 'usage_usec') / 1e6;
}

/**
 * Anonymous memory and what files are mapped, memory that processes share among it: what Pss counts of a process. The
 * kernel's cache of files that nobody has mapped belongs to nobody.
 */
export function readResidentBytes({ version, memoryFolder }: ControlGroup): number {
  const file = join(memoryFolder, 'memory.stat');
  const fields = version === 1 ? ['total_rss', 'total_mapped_file'] : ['anon', 'file_mapped'];
  return fields.reduce((sum, field) => sum + readField(file, field), 0);
}

function readField(file: string, field: string): number {
  const value = new RegExp(`^${field} (\\d+)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1];
  if (value === undefined) throw new Error(`${file} has no ${field}`);
  return Number(value);
}
