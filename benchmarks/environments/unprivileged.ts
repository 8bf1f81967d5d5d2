import { spawnSync } from 'node:child_process';
import { chown } from 'node:fs/promises';

/** How to run a program that refuses to run as root. */
export interface UnprivilegedLaunch {
  wrap(command: string, args: readonly string[]): [command: string, args: readonly string[]];
  readonly user?: { readonly uid: number; readonly gid: number };
}

const nobody = 65_534;
const userNamespace = ['--user', '--map-user=1000', '--map-group=1000'];

/**
 * As ourselves when we are not root. As root: in a user namespace in which we are somebody else, so that files and
 * folders of root stay within reach, even below a home of mode 0700; where the kernel or the container forbids
 * that, as nobody, who then owns `directory` and must be able to reach it and the program.
 */
export async function unprivilegedLaunch(directory: string): Promise<UnprivilegedLaunch> {
  if (process.getuid?.() !== 0) return { wrap: (command, args) => [command, args] };
  if (spawnSync('unshare', [...userNamespace, 'true']).status === 0) {
    return { wrap: (command, args) => ['unshare', [...userNamespace, '--', command, ...args]] };
  }
  await chown(directory, nobody, nobody);
  return { wrap: (command, args) => [command, args], user: { uid: nobody, gid: nobody } };
}
