import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import pretty from 'pino-pretty';
import { z } from 'zod';

import { setUpTools } from '../toolchain/set-up-tools.ts';
import { lockDirectory } from './directory-lock.ts';
import { withDefaults } from './environment-defaults.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';

/**
 * `make dev`: the service with SQLite and its two Redis servers, data in .data, restarted when its source changes.
 * Variables of the service, and their `…_FILE` twins, may be set in the environment: `PORT=8080 API_TOKEN=$(openssl rand -hex 16) make dev`.
 */
const dataDirectory = resolve('.data');
const listeningSchema = z.object({ event: z.literal('listening'), apiPort: z.int(), adminPort: z.int() });

/** Node's --watch waits after a failure, and no change of a file mends a variable or a port that is taken. */
const failedStart =
  '  The reason stands above. A change of the source starts it again; for other variables press Ctrl-C and run make dev anew.';

/** What is shown of the surroundings when the service listens. */
interface Announcement {
  readonly bearer: string;
  readonly redis: Readonly<Record<'queue' | 'cache', string>>;
}

function startService(environment: NodeJS.ProcessEnv): ChildProcess {
  // A group of its own: Ctrl-C at the terminal reaches us alone, and we end the service before its Redis servers.
  return spawn(process.execPath, ['--watch', '--watch-preserve-output', 'service/src/main.ts'], {
    detached: true,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Shows the service's log in colours, after each start where it listens, and after a failed one what can be done. */
function showLog(service: ChildProcess, { bearer, redis }: Announcement): void {
  if (service.stdout === null) throw new Error('the service was started without a pipe for its log');
  const log = pretty({ destination: 1, sync: true, messageKey: 'event', singleLine: true, ignore: 'pid,hostname' });
  createInterface({ input: service.stdout }).on('line', (line) => {
    log.write(`${line}\n`);
    if (line.includes('Waiting for file changes')) console.log(failedStart);
    const listening = listeningSchema.safeParse(parseJson(line));
    if (listening.success) announce(listening.data, { bearer, redis });
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Node's own words about --watch are no JSON, and no event.
    return undefined;
  }
}

function announce({ apiPort, adminPort }: z.infer<typeof listeningSchema>, { bearer, redis }: Announcement): void {
  const api = `http://127.0.0.1:${apiPort}`;
  const admin = `http://127.0.0.1:${adminPort}`;
  console.log(`
  API      ${api}/performances   ${api}/openapi.json
  admin    ${admin}/readyz   ${admin}/metrics
  write    curl -X POST ${api}/venues -H "authorization: Bearer ${bearer}" \\
             -H 'content-type: application/json' -d '{"name":"Opera House","city":"Seoul"}'
  redis    ${redis.queue} has the queue, ${redis.cache} the cache
  content  npm run seed -- --performances 1000 --random-seed 1 --relative-to ${new Date().toISOString()}
  stop     Ctrl-C
`);
}

async function dev(): Promise<void> {
  const stopSignal = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
  await setUpTools(['redis-server'], process.stdout);
  const directories = { queue: join(dataDirectory, 'redis-queue'), cache: join(dataDirectory, 'redis-cache') };
  await Promise.all(Object.values(directories).map((directory) => mkdir(directory, { recursive: true })));

  const lock = lockDirectory(dataDirectory);
  const servers: RedisServer[] = [];
  try {
    const redisQueue = await startRedisServer({ role: 'queue', directory: directories.queue });
    servers.push(redisQueue);
    const redisCache = await startRedisServer({ role: 'cache', directory: directories.cache });
    servers.push(redisCache);

    const environment = withDefaults(process.env, {
      DATABASE_URL: `sqlite:${join(dataDirectory, 'ticketing.db')}`,
      PERFORMANCE_CACHE: 'look-aside',
      REDIS_QUEUE_URL: redisQueue.url,
      REDIS_CACHE_URL: redisCache.url,
      API_TOKEN: randomBytes(16).toString('hex'),
    });
    const service = startService(environment);
    const serviceEnded = once(service, 'exit');
    const bearer = environment['API_TOKEN'] || `$(cat '${environment['API_TOKEN_FILE']}')`;
    showLog(service, { bearer, redis: { queue: redisQueue.url, cache: redisCache.url } });
    await Promise.race([stopSignal, serviceEnded]);
    service.kill('SIGTERM');
    await serviceEnded;
  } finally {
    for (const server of servers.toReversed()) await server.stop();
    lock.release();
  }
}

try {
  await dev();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 4;
}
