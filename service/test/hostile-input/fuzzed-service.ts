import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { Redis } from 'ioredis';

import { type RedisServer, startRedisServer } from '../../../benchmarks/environments/redis-server.ts';

export const token = 'canary-token-63f0b1d9';

export interface FuzzedService {
  readonly apiPort: number;
  readonly adminPort: number;
  /** With the password, if there is one. */
  readonly queueUrl: string;
  readonly process: ChildProcess;
  /** How many times each event was logged. */
  readonly events: ReadonlyMap<string, number>;
  /** All that the process has written, to either stream. */
  output(): string;
  /** Bytes that are still in use when all garbage is gone, on the heap and beside it. */
  retainedBytes(): Promise<number>;
  stop(): Promise<void>;
}

export interface FuzzedServiceOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** In the place of the service's own entry, with its arguments. */
  readonly entry?: readonly string[];
  /** Of both Redis servers. */
  readonly redisPassword?: string;
}

const main = new URL('../../src/main.ts', import.meta.url).pathname;
/** Collects the garbage when it is told to, and says what is left. */
const tellMemory =
  'data:text/javascript,process.on("SIGUSR2",()=>{gc();const{heapUsed,external}=process.memoryUsage();' +
  'console.log(JSON.stringify({event:"memory",bytes:heapUsed+external}))})';

/** The service as a process, with a queue and a cache. */
export async function startFuzzedService({
  environment = {},
  entry = [main],
  redisPassword,
}: FuzzedServiceOptions = {}): Promise<FuzzedService> {
  const directory = mkdtempSync(join(tmpdir(), 'ticketing-hostile-'));
  const servers = {
    queue: await startRedisServer({ role: 'queue', directory }),
    cache: await startRedisServer({ role: 'cache', directory }),
  };
  const queueUrl = await protect(servers.queue, redisPassword);
  const child = spawn(process.execPath, ['--expose-gc', '--import', tellMemory, ...entry], {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      ADMIN_PORT: '0',
      API_TOKEN: token,
      DATABASE_POOL_SIZE: '2',
      SEAT_CREATION: 'stream',
      REDIS_QUEUE_URL: queueUrl,
      PERFORMANCE_CACHE: 'look-aside',
      REDIS_CACHE_URL: await protect(servers.cache, redisPassword),
      REQUEST_TIMEOUT_MS: '2000',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = readLog(child);
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await Promise.all([servers.queue.stop(), servers.cache.stop()]);
    rmSync(directory, { recursive: true });
  };
  try {
    const { apiPort, adminPort } = await log.next('listening');
    return {
      apiPort: Number(apiPort),
      adminPort: Number(adminPort),
      queueUrl,
      process: child,
      events: log.events,
      output: log.output,
      async retainedBytes() {
        const told = log.next('memory');
        child.kill('SIGUSR2');
        return Number((await told)['bytes']);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`the service did not start: ${log.output()}`, { cause: error });
  }
}

/** The server's address for those who know the password. */
async function protect({ url }: RedisServer, password: string | undefined): Promise<string> {
  if (password === undefined) return url;
  const admin = new Redis(url);
  await admin.config('SET', 'requirepass', password);
  admin.disconnect();
  return url.replace('//', `//:${encodeURIComponent(password)}@`);
}

type LogLine = Readonly<Record<string, unknown>>;

function readLog(child: ChildProcess) {
  const events = new Map<string, number>();
  const texts: string[] = [];
  const waiting = new Map<string, (line: LogLine) => void>();
  createInterface({ input: child.stdout ?? process.stdin }).on('line', (text) => {
    texts.push(text);
    const line: LogLine = JSON.parse(text);
    const event = String(line['event']);
    events.set(event, (events.get(event) ?? 0) + 1);
    waiting.get(event)?.(line);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => texts.push(text));
  const next = (event: string): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      if (child.exitCode !== null || child.signalCode !== null) reject(new Error('the process has ended'));
      waiting.set(event, resolve);
      child.once('close', (status, signal) => reject(new Error(`the process ended: ${status ?? signal}`)));
    });
  return { events, next, output: () => texts.join('\n') };
}
