import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

import { adminPort, apiPort } from '../../infra/components/ticketing-service.ts';
import { findControlGroup } from '../probes/control-group.ts';
import { type ConfiguredParts, readPartSettings } from '../probes/part-settings.ts';
import { carriersOf, containerLogTail, restartContainer, type RunningContainer } from './container-engine.ts';
import { type BenchStack, deployBenchStack, type PreparedContainers } from './container-stacks.ts';
import type { Environment, EnvironmentRequest, Part, RunningVariant, VariantRequest } from './environment.ts';
import { createScratch, type Scratch } from './scratch.ts';
import { runSeedCommand } from './seed-command.ts';
import { pinnedConfiguration } from './service-configuration.ts';
import { isReady } from './service-process.ts';
import type { SupervisedProcess } from './supervised-process.ts';

export interface ContainersOptions {
  readonly prepared: PreparedContainers;
  /** Ends `up` and `restartServices` at their next step; `down` is still the caller's. */
  readonly signal?: AbortSignal;
}

/** A quarter of its memory is PostgreSQL's own cache: 256 MB, as with processes. */
const memoryMegabytes = { api: 512, worker: 512, postgres: 1024, redisQueue: 256, redisCache: 128 };

/** As with processes (see postgres-server.ts), of what the stack leaves open: nothing runs by the clock in a window. */
const quietSettings = { autovacuum: 'off', jit: 'off', checkpoint_timeout: '1h' };

/** What a report says of every run in containers. */
export const containerLimits: readonly string[] = [
  'In containers requests reach the service, and the service’s own look for its health, through the engine: its daemons, helpers and port proxies count with the lab. A look for a part’s health, every 10 s, counts with the part.',
  'PostgreSQL is configured as the stack deploys it: its planner has other prices than the one that is run as a process, so that levels of the two are not to be compared.',
];

interface RunningStack {
  readonly variant: VariantRequest;
  readonly stack: BenchStack;
}

/** A variant with the containers that it consists of at this moment. */
interface VariantContainers extends RunningStack {
  readonly containers: ReadonlyMap<string, RunningContainer>;
}

/**
 * Variants as stacks of containers beside each other, which the program of `infra/` deploys: `bench-before`,
 * `bench-after`. They stay when the lab ends without `down`, and the next run takes them away.
 */
export function createContainersEnvironment({ prepared, signal }: ContainersOptions): Environment {
  const stacks: RunningStack[] = [];
  const seeding = new Set<SupervisedProcess>();
  let scratch: Scratch | undefined;
  let comingUp: Promise<unknown> = Promise.resolve();

  const startStack = async (variant: VariantRequest, request: EnvironmentRequest): Promise<void> => {
    const stack = await deployBenchStack({
      stackName: `bench-${variant.id}`,
      prepared,
      settings: {
        memoryMegabytes,
        workerReplicas: variant.workers ?? 0,
        serviceVariables: { ...pinnedConfiguration(request.database), ...variant.configuration },
      },
      signal,
      onStep: (step) => request.onStep(step),
    });
    stacks.push({ variant, stack });
    const postgres = partOf(await stack.containers(), 'postgres');
    await applySettings(databaseUrl(postgres, 'postgres', stack.secrets.postgresPassword));
    scratch ??= await createScratch({ keep: false });
    request.onStep(`filling the database of ${variant.id} with ${request.seed.performances} performances`);
    await runSeedCommand({
      url: databaseUrl(postgres, 'ticketing', stack.secrets.databasePassword),
      seed: request.seed,
      directory: scratch.path,
      onProcess(process) {
        seeding.add(process);
        scratch?.record(process.name, process.processId);
        signal?.throwIfAborted();
      },
    });
  };
  const up = async (request: EnvironmentRequest): Promise<readonly RunningVariant[]> => {
    refuseWhatCannotRun(request);
    for (const variant of request.variants) await startStack(variant, request);
    return describeAll(stacks, prepared);
  };
  const restart = async (): Promise<readonly RunningVariant[]> => {
    for (const { stack } of stacks) {
      const services = [...(await stack.containers()).values()].filter(isService);
      await Promise.all(services.map(({ name }) => restartContainer(name)));
      await untilAllReady(await stack.containers());
    }
    signal?.throwIfAborted();
    return describeAll(stacks, prepared);
  };
  /** `down` waits for what is under way; an abort ends the seed, and Pulumi, that it waits for. */
  const interruptible = async <Result>(work: Promise<Result>): Promise<Result> => {
    const interrupt = (): void => seeding.forEach((process) => void process.stop());
    signal?.addEventListener('abort', interrupt);
    comingUp = work.catch(() => undefined).finally(() => signal?.removeEventListener('abort', interrupt));
    return work;
  };

  return {
    up: (request) => interruptible(up(request)),
    restartServices: () => interruptible(restart()),
    async down() {
      await comingUp;
      for (const { stack } of stacks.splice(0).toReversed()) await stack.down();
      await scratch?.remove();
    },
  };
}

function refuseWhatCannotRun({ database, variants }: EnvironmentRequest): void {
  if (database === 'sqlite') {
    throw new Error(
      'in containers SQLite is a file in a volume, which the lab’s probes do not reach: ENVIRONMENT=processes, or DATABASE=postgres',
    );
  }
  if (variants.some(({ sources }) => sources !== undefined)) {
    throw new Error('containers have the service of this work tree only: compare commits with ENVIRONMENT=processes');
  }
}

const isService = ({ component }: RunningContainer): boolean => /^(api|worker)-\d+$/.test(component);

/** @throws naming what is missing of the stack */
export function partOf(containers: ReadonlyMap<string, RunningContainer>, component: string): RunningContainer {
  const container = containers.get(component);
  if (!container) throw new Error(`no container ${component} runs: there are ${[...containers.keys()].join(', ')}`);
  return container;
}

/** `http://127.0.0.1:<port>` of what listens on this port inside. */
function urlOf({ name, hostPorts }: RunningContainer, port: number): string {
  const hostPort = hostPorts.get(port);
  if (hostPort === undefined) throw new Error(`port ${port} of ${name} is not published`);
  return `http://127.0.0.1:${hostPort}`;
}

export const apiUrlOf = (api: RunningContainer): string => urlOf(api, apiPort);

const hostOf = (container: RunningContainer, port: number): string => new URL(urlOf(container, port)).host;

function databaseUrl(postgres: RunningContainer, role: 'postgres' | 'ticketing', password: string): string {
  return `postgres://${role}:${password}@${hostOf(postgres, 5432)}/ticketing`;
}

function redisUrl(redis: RunningContainer, password: string): string {
  return `redis://:${password}@${hostOf(redis, 6379)}`;
}

async function applySettings(adminUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    for (const [name, value] of Object.entries(quietSettings)) {
      await client.query(`ALTER SYSTEM SET ${name} = ${client.escapeLiteral(value)}`);
    }
    await client.query('SELECT pg_reload_conf()');
  } finally {
    await client.end();
  }
}

const readyWithinMs = 30_000;

async function untilAllReady(containers: ReadonlyMap<string, RunningContainer>): Promise<void> {
  await Promise.all([...containers.values()].filter(isService).map(untilReady));
}

/** @throws with the end of its log when it is not ready within 30 s */
export async function untilReady(service: RunningContainer): Promise<void> {
  const deadline = performance.now() + readyWithinMs;
  while (!(await isReady(urlOf(service, adminPort)))) {
    if (performance.now() > deadline) {
      throw new Error(
        `${service.name} was not ready within ${readyWithinMs} ms:\n${await containerLogTail(service.name)}`,
      );
    }
    await sleep(50);
  }
}

async function describeAll(
  stacks: readonly RunningStack[],
  prepared: PreparedContainers,
): Promise<readonly RunningVariant[]> {
  const all: VariantContainers[] = [];
  for (const running of stacks) all.push({ ...running, containers: await running.stack.containers() });
  const carrierProcessIds = carriersOf(all.flatMap(({ containers }) => [...containers.values()]));
  return all.map((running) => ({ ...describe(running), carrierProcessIds, commit: prepared.serviceImage.commit }));
}

function describe({ variant, stack, containers }: VariantContainers): RunningVariant {
  const { secrets } = stack;
  const part = (name: Part['name'], container: RunningContainer): Part => ({
    name,
    rootProcessId: container.processId,
    controlGroup: findControlGroup(container.processId),
    logTail: () => containerLogTail(container.name),
  });
  const [postgres, api] = [partOf(containers, 'postgres'), partOf(containers, 'api-1')];
  const [redisCache, redisQueue] = [partOf(containers, 'redis-cache'), partOf(containers, 'redis-queue')];
  const workers = Array.from({ length: variant.workers ?? 0 }, (_, index) => partOf(containers, `worker-${index + 1}`));
  const configured = configuredParts(stack, containers);
  return {
    id: variant.id,
    apiUrl: apiUrlOf(api),
    adminUrl: urlOf(api, adminPort),
    workerAdminUrls: workers.map((worker) => urlOf(worker, adminPort)),
    apiToken: secrets.apiToken,
    database: configured.database,
    redisCacheUrl: configured.redisCacheUrl,
    redisQueueUrl: configured.redisQueueUrl,
    readSettings: () => readPartSettings(configured),
    parts: [
      part('database', postgres),
      part('service', api),
      ...workers.map((worker) => part('worker', worker)),
      part('redis-cache', redisCache),
      part('redis-queue', redisQueue),
    ],
  };
}

/** The servers where the lab reaches them, and what each process of the service was started with. */
export function configuredParts(
  { secrets }: Pick<BenchStack, 'secrets'>,
  containers: ReadonlyMap<string, RunningContainer>,
): ConfiguredParts & { readonly database: { readonly engine: 'postgres' } } {
  const services = [...containers.values()].filter(isService);
  return {
    database: {
      engine: 'postgres',
      adminConnectionString: databaseUrl(partOf(containers, 'postgres'), 'postgres', secrets.postgresPassword),
    },
    redisCacheUrl: redisUrl(partOf(containers, 'redis-cache'), secrets.redisCachePassword),
    redisQueueUrl: redisUrl(partOf(containers, 'redis-queue'), secrets.redisQueuePassword),
    services: Object.fromEntries(services.map(({ component, variables }) => [component, variables])),
  };
}
