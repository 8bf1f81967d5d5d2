import { basename } from 'node:path';

import { execa } from 'execa';

export interface RunningProcess {
  readonly id: number;
  readonly parentId: number;
  /** Without its folder; Linux tells its first 15 characters. */
  readonly program: string;
}

/** Every process of this machine that is not dead: a parent that is busy leaves the dead listed. */
export async function listProcesses(): Promise<readonly RunningProcess[]> {
  const { stdout } = await execa('ps', ['-A', '-o', 'pid=,ppid=,stat=,comm=']);
  return stdout.split('\n').flatMap((line) => {
    const [, id, parentId, path] = /^\s*(\d+)\s+(\d+)\s+(?!Z)\S+\s+(.+?)\s*$/.exec(line) ?? [];
    return path === undefined ? [] : [{ id: Number(id), parentId: Number(parentId), program: basename(path) }];
  });
}

/** Whether this is a Pulumi that is at work; its number may be another program's by now. */
export function isPulumi(processes: readonly RunningProcess[], id: number): boolean {
  return processes.some((process) => process.id === id && process.program === 'pulumi');
}

/** Pulumi's plugins whose Pulumi is dead: they end what they were told to do, and then wait for minutes. */
export function findOrphanedPlugins(processes: readonly RunningProcess[]): readonly RunningProcess[] {
  const owners = new Set(processes.filter(({ program }) => program.startsWith('pulumi')).map(({ id }) => id));
  return processes.filter(
    ({ program, parentId }) => /^pulumi-(resource|language|analyzer)[\w-]*$/.test(program) && !owners.has(parentId),
  );
}
