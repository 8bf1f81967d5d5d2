import { spawnSync } from 'node:child_process';

let isSupported: boolean | undefined;

/**
 * The command under which the kernel ends the child when this process dies, even by SIGKILL: prctl(2),
 * PR_SET_PDEATHSIG. The child's id stays that of the command. The command as it is where there is no setpriv(1).
 */
export function withDeathSignal(command: string, args: readonly string[]): [string, readonly string[]] {
  isSupported ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;
  return isSupported ? ['setpriv', ['--pdeathsig', 'KILL', '--', command, ...args]] : [command, args];
}
