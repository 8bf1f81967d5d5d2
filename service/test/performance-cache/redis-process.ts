import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startRedisServer } from '../../../benchmarks/environments/redis-server.ts';

/** A cache server that a test may freeze, kill and bring back, empty, on the same port. */
export interface RedisProcess {
  readonly url: string;
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedisProcess(): Promise<RedisProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'performance-cache-'));
  const first = await startRedisServer({ role: 'cache', directory });
  let successor: ChildProcess | undefined;
  const processId = (): number => successor?.pid ?? first.processId;

  async function endSuccessor(): Promise<void> {
    if (!successor || successor.exitCode !== null || successor.signalCode !== null) return;
    const exited = once(successor, 'exit');
    successor.kill('SIGKILL');
    await exited;
  }

  return {
    url: first.url,
    freeze: () => void process.kill(processId(), 'SIGSTOP'),
    thaw: () => void process.kill(processId(), 'SIGCONT'),
    async kill() {
      if (successor) return endSuccessor();
      process.kill(first.processId, 'SIGKILL');
      await first.process.ended;
    },
    async comeBack() {
      const options = ['--port', String(first.port), '--bind', '127.0.0.1', '--save', '', '--dir', directory];
      successor = spawn('redis-server', options, { stdio: 'ignore' });
      await once(successor, 'spawn');
    },
    async stop() {
      await endSuccessor();
      await first.stop();
      await rm(directory, { recursive: true });
    },
  };
}
