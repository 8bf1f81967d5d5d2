import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

import { onTestFinished } from 'vitest';

/** A program in a process of its own, with its arguments, that knows nothing of our environment and ends with the test. */
export function spawnNode(
  program: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  cwd?: string,
): ChildProcessByStdio<null, Readable, null> {
  const child = spawn(process.execPath, program, {
    cwd,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}
