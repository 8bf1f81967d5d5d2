import { join } from 'node:path';
import { Redis } from 'ioredis';
import { requireTool } from '../toolchain/require-tool.ts';
import type { Tool } from '../toolchain/tool.ts';
import { onFreePort } from './free-port.ts';
import { startSupervisedProcess, type SupervisedProcess, waitUntilReady } from './supervised-process.ts';

export interface RedisServerRequest {
  readonly role: 'queue' | 'cache';
  /** Exists; holds the log and, for the queue, the append-only file. */
  readonly directory: string;
  /** Of the cache: what it may hold before it evicts. Default: 64 MiB. */
  readonly maxMemoryBytes?: number;
  /** As it is called in messages. Default: `redis-<role>`. */
  readonly name?: string;
  /** Where it was before, and is to be again. Default: any free one. */
  readonly port?: number;
  /** Over those of the role. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Over what it inherits: `LD_PRELOAD`. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly processId: number;
  readonly process: SupervisedProcess;
  stop(): Promise<void>;
}

/**
 * What each role promises. queue: an acknowledged write is on disk and nothing is evicted. cache: nothing is on
 * disk, and what is asked for least often goes first.
 */
function settings({ role, maxMemoryBytes = 64 * 1024 * 1024 }: RedisServerRequest): Record<string, string> {
  return role === 'queue'
    ? {
        save: '',
        appendonly: 'yes',
        appendfsync: 'always',
        'no-appendfsync-on-rewrite': 'no',
        'maxmemory-policy': 'noeviction',
      }
    : { save: '', appendonly: 'no', maxmemory: String(maxMemoryBytes), 'maxmemory-policy': 'allkeys-lfu' };
}

/** A Redis server on a port of 127.0.0.1. @throws with the end of its log when it does not come up. */
export async function startRedisServer(request: RedisServerRequest): Promise<RedisServer> {
  const redis = await requireTool('redis-server');
  const { port } = request;
  if (port !== undefined) return startOnPort(request, redis, port);
  return onFreePort((free) => startOnPort(request, redis, free));
}

async function startOnPort(request: RedisServerRequest, redis: Tool, port: number): Promise<RedisServer> {
  const { role, directory, name = `redis-${role}` } = request;
  const address = { bind: '127.0.0.1', port: String(port), dir: directory, daemonize: 'no' };
  const options = { ...address, ...settings(request), ...request.settings };
  const supervised = await startSupervisedProcess({
    name,
    command: redis.path,
    args: Object.entries(options).flatMap(([option, value]) => [`--${option}`, value]),
    environment: { ...process.env, ...redis.environment, ...request.environment },
    directory,
    logFile: join(directory, `redis-${port}.log`),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 5_000,
  });
  try {
    await waitUntilReady(supervised, () => answersAs(supervised.processId, port));
  } catch (error) {
    await supervised.stop();
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    processId: supervised.processId,
    process: supervised,
    stop: () => supervised.stop(),
  };
}

/** Whether the server on this port is ready and is ours, not one that took the port first. */
async function answersAs(processId: number, port: number): Promise<true | undefined> {
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null });
  // The commands reject with the same error.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
    return (await client.info('server')).includes(`process_id:${processId}\r\n`) ? true : undefined;
  } catch {
    return undefined;
  } finally {
    client.disconnect();
  }
}
