import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readPartSettings } from '../probes/part-settings.ts';
import type { Environment, EnvironmentRequest, Part, RunningVariant, VariantRequest } from './environment.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import { createScratch, removeLeftovers, type Scratch } from './scratch.ts';
import type { OnProcess } from './seed-command.ts';
import { serviceConfiguration } from './service-configuration.ts';
import {
  type ServiceProcess,
  type ServiceRequest,
  startService,
  startWorker,
  type WorkerProcess,
} from './service-process.ts';
import { logTail, type SupervisedProcess } from './supervised-process.ts';
import { seedDatabases, startDatabase, type VariantDatabase } from './variant-database.ts';

export interface ProcessesOptions {
  /** Ends `up` and `restartServices` at their next step; `down` is still the caller's. */
  readonly signal?: AbortSignal;
  /** Leaves the folder with databases and logs behind. */
  readonly keepScratch?: boolean;
}

/** What a variant keeps while its service comes and goes. */
interface Backing {
  readonly variant: VariantRequest;
  readonly directory: string;
  readonly database: VariantDatabase;
  readonly redisCache: RedisServer;
  readonly redisQueue: RedisServer;
  readonly apiToken: string;
}

/** The processes of one variant that come and go together. */
interface Services {
  readonly service: ServiceProcess;
  readonly workers: readonly WorkerProcess[];
  /** What each was started with, by its name. */
  readonly configurations: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * Variants as plain processes of this machine, in a scratch folder of their own and on free ports, so that runs
 * beside each other do not disturb one another. Every process has a process group of its own: a Ctrl-C at the
 * terminal reaches the lab alone, which then ends them in order with `down`. Should the lab end without it, they are
 * killed with it, and the next run removes the folder.
 */
export function createProcessesEnvironment({ signal, keepScratch = false }: ProcessesOptions = {}): Environment {
  const started: SupervisedProcess[] = [];
  let scratch: Scratch | undefined;
  let backings: readonly Backing[] = [];
  let services: readonly Services[] = [];
  let comingUp: Promise<unknown> = Promise.resolve();
  let isDown = false;

  const onProcess = (process: SupervisedProcess): void => {
    started.push(process);
    scratch?.record(process.name, process.processId);
    signal?.throwIfAborted();
    if (isDown) throw new Error('the environment was taken down while it was coming up');
  };
  // The youngest first: a service goes before its database.
  const stopStarted = async (): Promise<void> => {
    for (const process of started.splice(0).toReversed()) await process.stop();
  };
  const startServices = async (): Promise<readonly RunningVariant[]> => {
    services = await forEach(backings, (backing) => startServicesOf(backing, onProcess));
    return backings.map((backing, index) => describe(backing, services[index]));
  };
  const up = async (request: EnvironmentRequest): Promise<readonly RunningVariant[]> => {
    const { variants, database } = request;
    const onStep = (step: string): void => request.onStep(step);
    await removeLeftovers(onStep);
    scratch = await createScratch({ keep: keepScratch });
    const folderOf = folders(scratch.path);
    for (const [sources, alike] of Map.groupBy(variants, (variant) => variant.sources)) {
      const directories = alike.map(({ id }) => folderOf(id, 'database'));
      await seedDatabases(request, { directories, sources }, onProcess);
    }
    onStep('starting databases and Redis servers');
    backings = await forEach(variants, (variant) => startBacking(variant, { engine: database, folderOf, onProcess }));
    onStep('starting the services');
    return startServices();
  };
  const restart = async (): Promise<readonly RunningVariant[]> => {
    const running = services.flatMap(({ service, workers }) => [service, ...workers]);
    await Promise.all(running.map(({ process }) => process.stop()));
    return startServices();
  };
  /** `down` waits for what is under way; an abort ends the processes that it waits for. */
  const interruptible = async <Result>(work: Promise<Result>): Promise<Result> => {
    const interrupt = (): void => void stopStarted();
    signal?.addEventListener('abort', interrupt);
    comingUp = work.catch(() => undefined).finally(() => signal?.removeEventListener('abort', interrupt));
    return work;
  };

  return {
    up: (request) => interruptible(up(request)),
    restartServices: () => interruptible(restart()),
    async down() {
      isDown = true;
      await stopStarted();
      await comingUp;
      await stopStarted();
      await scratch?.remove();
    },
  };
}

/** At once; when one fails, the others are waited for, so that nothing is still starting afterwards. */
async function forEach<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const outcomes = await Promise.allSettled(items.map(work));
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

type FolderOf = (id: VariantRequest['id'], part: Part['name']) => string;

const folders =
  (root: string): FolderOf =>
  (id, part) =>
    join(root, `${id}-${part}`);

async function startBacking(
  variant: VariantRequest,
  { engine, folderOf, onProcess }: { engine: EnvironmentRequest['database']; folderOf: FolderOf; onProcess: OnProcess },
): Promise<Backing> {
  const { id } = variant;
  const startRedis = async (role: 'cache' | 'queue'): Promise<RedisServer> => {
    const directory = folderOf(id, `redis-${role}`);
    await mkdir(directory);
    const server = await startRedisServer({ role, directory, name: `redis-${role} of ${id}` });
    onProcess(server.process);
    return server;
  };
  const directory = folderOf(id, 'service');
  await mkdir(directory);
  return {
    variant,
    directory,
    database: await startDatabase({
      engine,
      directory: folderOf(id, 'database'),
      name: `database of ${id}`,
      onProcess,
    }),
    redisCache: await startRedis('cache'),
    redisQueue: await startRedis('queue'),
    apiToken: randomBytes(32).toString('hex'),
  };
}

async function startServicesOf(backing: Backing, onProcess: OnProcess): Promise<Services> {
  const { variant, directory, database, redisCache, redisQueue, apiToken } = backing;
  const configurations: Record<string, Readonly<Record<string, string>>> = {};
  const requestFor = (name: string, own: Readonly<Record<string, string>>): ServiceRequest => {
    const configuration = {
      ...serviceConfiguration({
        engine: database.database.engine,
        databaseUrl: database.url,
        redisCacheUrl: redisCache.url,
        redisQueueUrl: redisQueue.url,
      }),
      SHUTDOWN_GRACE_MS: '5000',
      ...own,
      ...variant.configuration,
    };
    configurations[name] = configuration;
    return { name: `${name} of ${variant.id}`, directory, sources: variant.sources, configuration };
  };
  const { workers: workerCount = 0 } = variant;
  const api = { HOST: '127.0.0.1', PORT: '0', API_TOKEN: apiToken, ROLE: workerCount === 0 ? 'all' : 'api' };
  const service = await startService(requestFor('service', api));
  onProcess(service.process);
  const numbers = Array.from({ length: workerCount }, (_, index) => index + 1);
  const workers = await forEach(numbers, async (number) => {
    const worker = await startWorker(requestFor(`worker ${number}`, { ROLE: 'worker' }));
    onProcess(worker.process);
    return worker;
  });
  return { service, workers, configurations };
}

function describe(backing: Backing, services: Services | undefined): RunningVariant {
  const { variant, database, redisCache, redisQueue, apiToken } = backing;
  if (!services) throw new Error(`the service of ${variant.id} was not started`);
  const { service, workers, configurations } = services;
  const part = (name: Part['name'], process: SupervisedProcess): Part => ({
    name,
    rootProcessId: process.processId,
    logTail: () => logTail(process),
  });
  return {
    id: variant.id,
    apiUrl: service.apiUrl,
    adminUrl: service.adminUrl,
    workerAdminUrls: workers.map(({ adminUrl }) => adminUrl),
    apiToken,
    database: database.database,
    redisCacheUrl: redisCache.url,
    redisQueueUrl: redisQueue.url,
    readSettings: () =>
      readPartSettings({
        database: database.database,
        redisCacheUrl: redisCache.url,
        redisQueueUrl: redisQueue.url,
        services: configurations,
      }),
    parts: [
      ...(database.server ? [part('database', database.server.process)] : []),
      part('service', service.process),
      ...workers.map(({ process }) => part('worker', process)),
      part('redis-cache', redisCache.process),
      part('redis-queue', redisQueue.process),
    ],
  };
}
