import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ResourceLimits {
  readonly cores: number;
  readonly memoryBytes: number;
}

/** A control group of the kernel, whose limits can be changed while processes are in it. */
export interface ControlGroup {
  /** Whoever writes its process id into `cgroup.procs` of each of these is in the group, with what it starts later. */
  readonly folders: readonly string[];
  limit(limits: ResourceLimits | undefined): void;
  /** @throws while a process is in it */
  remove(): void;
}

/** Where a version of cgroups has its groups, and the file and text of each limit; without limits what is said then. */
interface Hierarchy {
  readonly folders: readonly string[];
  readonly limits: readonly {
    readonly file: string;
    readonly text: (limits: ResourceLimits | undefined) => string;
  }[];
}

const periodMicroseconds = 100_000;

/**
 * A group of its own (kernel documentation, `cgroup-v1/` and `cgroup-v2.rst`), or why there can be none.
 * @param mount where the kernel shows its groups
 */
export function createControlGroup(
  name: string,
  mount = '/sys/fs/cgroup',
): ControlGroup | { readonly impossible: string } {
  const hierarchy = findHierarchy(mount, name);
  if (!hierarchy) return { impossible: `this machine has no control groups for CPU and memory in ${mount}` };
  const { folders, limits } = hierarchy;
  const made: string[] = [];
  const remove = (): void => {
    for (const folder of made.splice(0)) rmdirSync(folder);
  };
  try {
    for (const folder of folders) {
      mkdirSync(folder);
      made.push(folder);
    }
  } catch (error) {
    remove();
    return { impossible: `this machine does not let us make a control group: ${String(error)}` };
  }
  return {
    folders,
    limit(wanted) {
      for (const { file, text } of limits) writeFileSync(file, text(wanted));
    },
    remove,
  };
}

function findHierarchy(mount: string, name: string): Hierarchy | undefined {
  const [cpu, memory] = [join(mount, 'cpu', name), join(mount, 'memory', name)];
  const hasVersionOne = ['cpu/cpu.cfs_quota_us', 'memory/memory.limit_in_bytes'].every((file) =>
    existsSync(join(mount, file)),
  );
  if (hasVersionOne) {
    const quota = (limits: ResourceLimits | undefined): number => (limits ? limits.cores * periodMicroseconds : -1);
    return {
      folders: [cpu, memory],
      limits: [
        { file: join(cpu, 'cpu.cfs_period_us'), text: () => String(periodMicroseconds) },
        { file: join(cpu, 'cpu.cfs_quota_us'), text: (limits) => String(quota(limits)) },
        { file: join(memory, 'memory.limit_in_bytes'), text: (limits) => String(limits?.memoryBytes ?? -1) },
      ],
    };
  }
  const controllers = join(mount, 'cgroup.subtree_control');
  const delegated = existsSync(controllers) ? readFileSync(controllers, 'utf8').trim().split(' ') : [];
  if (!['cpu', 'memory'].every((controller) => delegated.includes(controller))) return undefined;
  const folder = join(mount, name);
  const quota = (limits: ResourceLimits | undefined): number | 'max' =>
    limits ? limits.cores * periodMicroseconds : 'max';
  return {
    folders: [folder],
    limits: [
      { file: join(folder, 'cpu.max'), text: (limits) => `${quota(limits)} ${periodMicroseconds}` },
      { file: join(folder, 'memory.max'), text: (limits) => String(limits?.memoryBytes ?? 'max') },
    ],
  };
}
