import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { removeLeftovers } from '../environments/scratch.ts';
import { serviceConfiguration } from '../environments/service-configuration.ts';
import { type ConfiguredParts, readPartSettings } from '../probes/part-settings.ts';
import { createHalls, createVenue } from './create-halls.ts';
import { startPostgresNode } from './postgres-node.ts';
import { readQueueLeft } from './queue-inspection.ts';
import { startRedisNode } from './redis-node.ts';
import { seedStageDatabase } from './seed-stage-database.ts';
import { startServiceNode } from './service-node.ts';
import { createSqliteNode } from './sqlite-node.ts';
import type { DatabaseNode, Proxied, ServiceNode, Stage, StageRequest } from './stage.ts';
import { createStageProcesses, type StageProcesses } from './stage-processes.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/**
 * A stage that is up, in a folder of its own and on ports of its own, so that stages beside each other don't meet. It
 * ends with the lab, however that ends; the next one removes the folder.
 *
 * @throws what the signal was aborted with, or why it did not come up; then nothing is left of it
 */
export async function openStage(request: StageRequest): Promise<Stage> {
  const { signal } = request;
  signal.throwIfAborted();
  await removeLeftovers((text) => request.step(text));
  const processes = await createStageProcesses();
  const connections: Closable[] = [];
  // Whatever is waited for ends with its process; `close` waits for the same end, and reports what went wrong in it.
  const interrupt = (): void => void processes.kill().catch(() => undefined);
  signal.addEventListener('abort', interrupt);
  const close = async (): Promise<void> => {
    await processes.kill();
    await Promise.all(connections.splice(0).map((connection) => connection.close()));
    await processes.remove();
  };
  try {
    const stage = await build(request, processes, connections);
    signal.throwIfAborted();
    return { ...stage, close };
  } catch (error) {
    await close();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

interface Closable {
  close(): Promise<void>;
}

async function build(
  request: StageRequest,
  processes: StageProcesses,
  connections: Closable[],
): Promise<Omit<Stage, 'close'>> {
  request.step('starting a database and Redis servers');
  const database = await (request.database === 'postgres'
    ? startPostgresNode(request, processes)
    : createSqliteNode(processes));
  connections.push(database);
  if (request.content) {
    request.step(`filling the database with ${request.content.performances} performances`);
    await seedStageDatabase(database.url, request.content, processes);
  }
  const redisQueue = await startRedisNode({ role: 'queue', ...request.redis }, processes);
  const redisCache = await startRedisNode({ role: 'cache', ...request.redisCache }, processes);
  const urls = { database: database.url, redisQueue: redisQueue.url, redisCache: redisCache.url };
  const proxies = await startProxies(request, urls, connections);
  request.step('starting the service');
  const apiToken = randomBytes(32).toString('hex');
  const configuration = {
    ...serviceConfiguration({
      engine: request.database,
      databaseUrl: through(proxies.database, database.url),
      redisQueueUrl: through(proxies.redisQueue, redisQueue.url),
      redisCacheUrl: through(proxies.redisCache, redisCache.url),
    }),
    HOST: '127.0.0.1',
    API_TOKEN: apiToken,
    PERFORMANCE_CACHE: 'look-aside',
    SHUTDOWN_GRACE_MS: '10000',
    SEAT_CREATION: request.seatCreation,
    SEAT_CREATION_MIN_IDLE_MS: String(request.minIdleMs),
    ...request.configuration,
  };
  const services = await startServices(request, processes, configuration);
  const apiUrl = services.apis[0]?.apiUrl;
  if (apiUrl === undefined) throw new Error('api-1 has come up without an API: its entry must serve one');
  const api = { apiUrl, apiToken };
  const venueId = await createVenue(api);
  return {
    ...services,
    database: database.node,
    redisQueue,
    redisCache,
    proxies,
    apiToken,
    settings: await readPartSettings({
      database: readableDatabase(database.node),
      redisCacheUrl: redisCache.url,
      redisQueueUrl: redisQueue.url,
      services: configurationsOf(request, configuration),
    }),
    directory: processes.directory,
    createHalls: (count, seatsEach) => createHalls(api, venueId, { count, seatsEach }),
    queueLeft: () => readQueueLeft(redisQueue),
  };
}

/** Started as asked for; added to `connections`, so that they are closed with the stage. */
async function startProxies(
  { proxied = [] }: StageRequest,
  urls: Readonly<Record<Proxied, string>>,
  connections: Closable[],
): Promise<Stage['proxies']> {
  const start = async (name: Proxied): Promise<{ [Name in typeof name]?: TcpProxy }> => {
    if (!proxied.includes(name)) return {};
    const targetPort = Number(new URL(urls[name]).port);
    if (!targetPort) throw new Error(`${name} can't be behind a proxy: it has no port, ${urls[name]}`);
    const proxy = await startTcpProxy({ targetPort });
    connections.push(proxy);
    return { [name]: proxy };
  };
  return { ...(await start('database')), ...(await start('redisQueue')), ...(await start('redisCache')) };
}

/** The address as it is behind a proxy, if there is one. */
function through(proxy: TcpProxy | undefined, address: string): string {
  if (!proxy) return address;
  const url = new URL(address);
  url.port = String(proxy.port);
  return url.href;
}

function readableDatabase({ engine, url }: DatabaseNode): ConfiguredParts['database'] {
  return engine === 'postgres' ? { engine, adminConnectionString: url } : { engine, file: url.slice('sqlite:'.length) };
}

/** Processes of one role have the same; a control says which program it is, without addresses and folders. */
function configurationsOf(
  { workers = 0, entry }: StageRequest,
  configuration: Readonly<Record<string, string>>,
): ConfiguredParts['services'] {
  const of = (role: string, own: readonly string[] | undefined) => ({
    ...configuration,
    ROLE: role,
    ...(own && { program: own.flatMap((word) => (word.includes('://') ? [] : [path.basename(word)])).join(' ') }),
  });
  return workers === 0
    ? { service: of('all', entry?.api) }
    : { api: of('api', entry?.api), worker: of('worker', entry?.worker) };
}

/** The first one migrates the database; the others come up at once. */
async function startServices(
  { apis = 1, workers = 0, entry }: StageRequest,
  processes: StageProcesses,
  configuration: Readonly<Record<string, string>>,
): Promise<Pick<Stage, 'apis' | 'workers'>> {
  const start = (kind: 'api' | 'worker', number: number): Promise<ServiceNode> => {
    const role = kind === 'api' && workers === 0 ? 'all' : kind;
    const request = {
      name: `${kind}-${number}`,
      configuration: { ...configuration, ROLE: role },
      entry: entry?.[kind],
    };
    return startServiceNode(request, processes);
  };
  const startAll = (kind: 'api' | 'worker', from: number, to: number): Promise<ServiceNode>[] =>
    Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => start(kind, from + index));
  const first = await start('api', 1);
  const [others, all] = await Promise.all([
    Promise.all(startAll('api', 2, apis)),
    Promise.all(startAll('worker', 1, workers)),
  ]);
  return { apis: [first, ...others], workers: all };
}
