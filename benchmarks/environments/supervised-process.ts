import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { withDeathSignal } from './death-signal.ts';

export interface ProcessRequest {
  /** As it is called in messages: `redis-cache of after`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
  /** Gets stdout and stderr. */
  readonly logFile: string;
  /** Asks the process to end in order. */
  readonly stopSignal: NodeJS.Signals;
  /** How long it may take to; SIGKILL after that. */
  readonly stopTimeoutMs: number;
  /** Only root may ask for another user. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** A child in a process group of its own, so that a Ctrl-C at the terminal does not reach it before we decide. */
export interface SupervisedProcess {
  readonly name: string;
  readonly processId: number;
  /** Resolves with what ended it: `exit status 1`, `SIGKILL`. Never rejects. */
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  /** All that it has written so far. */
  log(): Promise<string>;
  /** Resolves when the process is gone; may be called more than once. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();

/** For the way out that leaves no time for promises: what still runs is killed. */
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** @throws when the command cannot be executed at all. */
export async function startSupervisedProcess(request: ProcessRequest): Promise<SupervisedProcess> {
  const { name, logFile, stopSignal, stopTimeoutMs } = request;
  const [command, args] = withDeathSignal(request.command, request.args);
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, {
    cwd: request.directory,
    detached: true,
    env: request.environment,
    stdio: ['ignore', log, log],
    ...request.user,
  });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (status, signal) => {
      running.delete(child);
      resolve(signal ?? `exit status ${status}`);
    });
  });
  const processId = await new Promise<number>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new Error(`${name} cannot be started: ${request.command}`, { cause: error })),
    );
    child.once('spawn', () => {
      running.add(child);
      resolve(child.pid ?? 0);
    });
  });

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    child.kill(stopSignal);
    const timeout = new AbortController();
    const late = sleep(stopTimeoutMs, true, { signal: timeout.signal }).catch(() => false);
    if (await Promise.race([late, ended.then(() => false)])) process.kill(-processId, 'SIGKILL');
    timeout.abort();
    await ended;
  };

  return {
    name,
    processId,
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    log: () => readFile(logFile, 'utf8'),
    stop: () => (stopping ??= stop()),
  };
}

/** The last lines of a process's log, for messages. */
export async function logTail(supervised: SupervisedProcess, lines = 15): Promise<string> {
  const log = await supervised.log();
  return log.trimEnd().split('\n').slice(-lines).join('\n');
}

/**
 * Asks until `check` answers something other than `undefined`.
 *
 * @throws with the end of its log when the process ends first, or is not ready in time.
 */
export async function waitUntilReady<Answer>(
  supervised: SupervisedProcess,
  check: () => Promise<Answer | undefined>,
  timeoutMs = 30_000,
): Promise<Answer> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await check();
    if (supervised.hasEnded()) {
      const how = await supervised.ended;
      throw new Error(`${supervised.name} ended before it was ready (${how}):\n${await logTail(supervised)}`);
    }
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) {
      throw new Error(`${supervised.name} was not ready within ${timeoutMs} ms:\n${await logTail(supervised)}`);
    }
    await sleep(20);
  }
}
