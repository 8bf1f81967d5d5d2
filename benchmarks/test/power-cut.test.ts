import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { onFreePort } from '../environments/free-port.ts';
import { type RedisServer, startRedisServer } from '../environments/redis-server.ts';
import { startSupervisedProcess, waitUntilReady } from '../environments/supervised-process.ts';
import { type CutFiles, preparePowerCuts, type PowerCuts } from '../faults/power-cut.ts';
import { killTree } from '../faults/process-tree.ts';
import { requireTool } from '../toolchain/require-tool.ts';
import { findStrace } from './find-strace.ts';

const strace = await findStrace();

let scratch: string;
let cuts: PowerCuts;
const started: number[] = [];
const clients: Redis[] = [];

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'power-cut-test-'));
  cuts = await preparePowerCuts(scratch);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const processId of started.splice(0)) await killTree(processId);
});

afterAll(async () => {
  await rm(scratch, { recursive: true });
});

async function start(directory: string, appendfsync: 'always' | 'everysec'): Promise<RedisServer> {
  await mkdir(directory, { recursive: true });
  const settings = { appendfsync, 'auto-aof-rewrite-percentage': '0' };
  const server = await startRedisServer({ role: 'queue', directory, settings, environment: cuts.environment });
  started.push(server.processId);
  return server;
}

function clientOf(port: number): Redis {
  const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  // The commands reject with the same error.
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

function cut({ processId }: Pick<RedisServer, 'processId'>, directory: string): Promise<CutFiles> {
  return cuts.cut({ name: 'redis-queue', processId, directory, kill: () => killTree(processId) });
}

/** Eight connections write keys that begin with `prefix` until the server is gone. */
function writeUntilGone(
  port: number,
  prefix = '',
): { readonly acknowledged: string[]; readonly ended: Promise<unknown> } {
  const acknowledged: string[] = [];
  const write = async (client: Redis, name: number): Promise<void> => {
    for (let count = 0; ; count += 1) {
      const key = `${prefix}${name}:${count}`;
      await client.set(key, 'x'.repeat(200));
      acknowledged.push(key);
    }
  };
  const writers = Array.from({ length: 8 }, (_, name) => write(clientOf(port), name));
  return { acknowledged, ended: Promise.allSettled(writers) };
}

async function missing(keys: readonly string[], port: number): Promise<readonly string[]> {
  const values = await clientOf(port).mget([...keys]);
  return keys.filter((_, index) => values[index] === null);
}

describe('with appendfsync always', () => {
  it('all that was acknowledged is there after each power cut', async () => {
    const directory = join(scratch, 'always');
    let server = await start(directory, 'always');
    for (const prefix of ['first:', 'second:', 'third:']) {
      const load = writeUntilGone(server.port, prefix);
      await vi.waitFor(() => expect(load.acknowledged.length).toBeGreaterThan(300), 10_000);
      const { keptBytes } = await cut(server, directory);
      await load.ended;
      expect(keptBytes).toBeGreaterThan(300 * 200);
      server = await start(directory, 'always');
      expect(await missing(load.acknowledged, server.port)).toStrictEqual([]);
      // Of a server that has synced nothing of this since it came back.
      await cut(server, directory);
      server = await start(directory, 'always');
      expect(await missing(load.acknowledged, server.port)).toStrictEqual([]);
    }
  });

  it('all that was acknowledged is there after a power cut in the middle of rewrites of the AOF', async () => {
    const directory = join(scratch, 'rewritten');
    const server = await start(directory, 'always');
    const load = writeUntilGone(server.port);
    const admin = clientOf(server.port);
    const manifest = (): Promise<string> => readFile(join(directory, 'appendonlydir/appendonly.aof.manifest'), 'utf8');
    for (let rewrite = 2; rewrite <= 4; rewrite += 1) {
      await admin.bgrewriteaof();
      await vi.waitFor(async () => expect(await manifest()).toContain(`appendonly.aof.${rewrite}.base`), 10_000);
    }
    await admin.bgrewriteaof();
    await cut(server, directory);
    await load.ended;
    const again = await start(directory, 'always');
    expect(await missing(load.acknowledged, again.port)).toStrictEqual([]);
  });
});

/** Resolves in the middle between two of the server's syncs; until then it writes, so that there are syncs. */
async function betweenTwoSyncs(client: Redis): Promise<void> {
  const table = cuts.environment['SYNCED_SIZE_TABLE'] ?? '';
  for (let syncs = 0; syncs < 2; syncs += 1) {
    const before = await readFile(table);
    while ((await readFile(table)).equals(before)) await client.incr('writes');
  }
  const until = performance.now() + 300;
  while (performance.now() < until) await client.incr('writes');
}

describe('with appendfsync everysec', () => {
  it('what was acknowledged after the last sync is gone after a power cut, and what came before it is there', async () => {
    const directory = join(scratch, 'everysec');
    const server = await start(directory, 'everysec');
    const client = clientOf(server.port);
    await client.set('early', 'acknowledged');
    await betweenTwoSyncs(client);
    expect(await client.set('late', 'acknowledged')).toBe('OK');
    const { cutBytes } = await cut(server, directory);
    expect(cutBytes).toBeGreaterThan(0);
    const again = await start(directory, 'everysec');
    expect(await missing(['early', 'late'], again.port)).toStrictEqual(['late']);
  });

  it('all is there when the process was only killed', async () => {
    const directory = join(scratch, 'killed');
    const server = await start(directory, 'everysec');
    const client = clientOf(server.port);
    await client.set('early', 'acknowledged');
    await betweenTwoSyncs(client);
    await client.set('late', 'acknowledged');
    await killTree(server.processId);
    const again = await start(directory, 'everysec');
    expect(await missing(['early', 'late'], again.port)).toStrictEqual([]);
  });
});

describe.skipIf(strace === undefined)('strace', () => {
  it('saw as many bytes written before the last sync as are left', async () => {
    const directory = join(scratch, 'traced');
    await mkdir(directory);
    const trace = join(scratch, 'trace');
    const traced = await startTraced(directory, trace);
    const load = writeUntilGone(traced.port);
    await vi.waitFor(() => expect(load.acknowledged.length).toBeGreaterThan(300), 20_000);
    const { processId } = traced;
    await cuts.cut({ name: 'redis-queue', processId, directory, kill: () => killTree(traced.straceId) });
    await load.ended;
    const name = 'appendonly.aof.1.incr.aof';
    const { size } = await stat(join(directory, 'appendonlydir', name));
    expect(size).toBe(syncedBytes(await readFile(trace, 'utf8'), name));
    expect(size).toBeGreaterThan(300 * 200);
  });
});

/** strace itself is not to be recorded. */
async function startTraced(
  directory: string,
  trace: string,
): Promise<{ readonly port: number; readonly processId: number; readonly straceId: number }> {
  const redis = await requireTool('redis-server');
  const environment = Object.entries(cuts.environment).map(([name, value]) => `--env=${name}=${value}`);
  const options = ['--follow-forks', '--decode-fds=path', '--trace=write,fdatasync', '--string-limit=0'];
  return onFreePort(async (port) => {
    const supervised = await startSupervisedProcess({
      name: 'redis-queue',
      command: strace ?? '',
      args: [...options, `--output=${trace}`, ...environment, redis.path, ...redisArguments(port, directory)],
      environment: { ...process.env, ...redis.environment },
      directory,
      logFile: join(directory, 'log'),
      stopSignal: 'SIGKILL',
      stopTimeoutMs: 1000,
    });
    started.push(supervised.processId);
    const processId = await waitUntilReady(supervised, async () => {
      const log = await supervised.log();
      return log.includes('Ready to accept connections') ? Number(/pid=(\d+)/.exec(log)?.[1]) : undefined;
    });
    return { port, processId, straceId: supervised.processId };
  });
}

function redisArguments(port: number, directory: string): readonly string[] {
  const options = { bind: '127.0.0.1', port: String(port), dir: directory, save: '', appendonly: 'yes' };
  return Object.entries({ ...options, appendfsync: 'always' }).flatMap(([name, value]) => [`--${name}`, value]);
}

/** With `always` one thread writes and syncs, so the lines are in the order of the calls. */
function syncedBytes(trace: string, name: string): number {
  let written = 0;
  let synced = 0;
  for (const line of trace.split('\n').filter((text) => text.includes(`/${name}>`))) {
    const bytes = / write\(.* = (\d+)$/.exec(line)?.[1];
    written += Number(bytes ?? 0);
    if (/ fdatasync\(.* = 0$/.test(line)) synced = written;
  }
  return synced;
}
