import { ComponentResource, type ComponentResourceOptions, type Input } from '@pulumi/pulumi';

import { filesFolder } from './container-files.ts';
import { HardenedContainer, type HardenedContainerArgs } from './hardened-container.ts';

export interface TicketingServiceArgs extends Pick<HardenedContainerArgs, 'context' | 'image' | 'cpuSet'> {
  readonly apiReplicas: number;
  /** None: each api takes seat creations from the queue itself. */
  readonly workerReplicas: number;
  readonly memoryMegabytes: { readonly api: number; readonly worker: number };
  /** With their passwords. */
  readonly urls: {
    readonly database: Input<string>;
    readonly redisQueue: Input<string>;
    readonly redisCache: Input<string>;
  };
  readonly apiToken: Input<string>;
  /** Of the service, beside what the stack sets. */
  readonly variables: Readonly<Record<string, string>>;
  /** Ports of the host: for the one replica of the api that has no proxy before it, and for the admin servers. */
  readonly publish: { readonly apiPort?: number | undefined; readonly admin: boolean };
  /** `undefined`: requests come to the one replica of the api itself. */
  readonly proxy: Proxy | undefined;
  /** Volumes that the database file is in, with SQLite. */
  readonly volumes?: HardenedContainerArgs['volumes'];
}

/** What stands before the api's replicas. */
export interface Proxy {
  readonly server: Pick<HardenedContainer, 'done'>;
  /** Answers 200 while requests are sent to this replica. */
  rotationUrl(replica: string): string;
}

type Role = 'all' | 'api' | 'worker';

export const apiPort = 3000;
export const adminPort = 3001;

const graceSeconds = 10;
/** The proxy has asked whether it is ready, and been told no, twice by then. */
const drainSeconds = 1;
const inRotationWithinMs = 60_000;
const readiness = `fetch('http://127.0.0.1:${adminPort}/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`;

/**
 * The service from its one image: a job that migrates the database, then the api's replicas, which are replaced one
 * after the other, each when the one before takes requests again, and beside them the workers, one after the other.
 */
export class TicketingService extends ComponentResource {
  readonly apis: readonly HardenedContainer[];
  readonly workers: readonly HardenedContainer[];

  constructor(name: string, args: TicketingServiceArgs, options?: ComponentResourceOptions) {
    super('ticketing:service:TicketingService', name, {}, options);
    const migration = new HardenedContainer('migration', migrationArgs(args), {
      parent: this,
      ...(options?.dependsOn === undefined ? {} : { dependsOn: options.dependsOn }),
    });
    const adminPorts = args.publish.admin ? { [adminPort]: undefined } : {};
    const apiPorts = args.proxy ? adminPorts : { [apiPort]: args.publish.apiPort, ...adminPorts };
    const role = args.workerReplicas === 0 ? 'all' : 'api';
    let before = migration;
    this.apis = numbered('api', args.apiReplicas).map((replica) => {
      const api = this.#replica(replica, { ...args, role, ports: apiPorts, before });
      before = args.proxy ? this.#untilInRotation(replica, api, { ...args, proxy: args.proxy }) : api;
      return api;
    });
    before = migration;
    this.workers = numbered('worker', args.workerReplicas).map((replica) => {
      before = this.#replica(replica, { ...args, role: 'worker', ports: adminPorts, before });
      return before;
    });
    this.registerOutputs({});
  }

  #replica(
    name: string,
    args: TicketingServiceArgs & {
      readonly role: Role;
      readonly ports: NonNullable<HardenedContainerArgs['ports']>;
      readonly before: HardenedContainer;
    },
  ): HardenedContainer {
    const { role, ports, before } = args;
    return new HardenedContainer(
      name,
      {
        ...sharedArgs(args),
        environment: environment(args, role),
        files: { secret: secretFiles(args, role) },
        ports,
        memoryMegabytes: args.memoryMegabytes[role === 'worker' ? 'worker' : 'api'],
        cpus: 1,
        life: {
          kind: 'service',
          healthcheck: ['node', '-e', readiness],
          stopSeconds: drainSeconds + graceSeconds + 5,
        },
      },
      { parent: this, dependsOn: [before.done] },
    );
  }

  /**
   * A job that ends when the proxy sends requests to this replica. Healthy to the engine is not enough to take the next
   * one away: the proxy has to have found the new address, and to have asked there.
   */
  #untilInRotation(
    replica: string,
    api: HardenedContainer,
    args: TicketingServiceArgs & { readonly proxy: Proxy },
  ): HardenedContainer {
    return new HardenedContainer(
      `${replica}-in-rotation`,
      {
        ...sharedArgs(args),
        command: ['--input-type=module', '--eval', waitFor(args.proxy.rotationUrl(replica))],
        follows: api,
        memoryMegabytes: 128,
        cpus: 1,
        life: { kind: 'job' },
      },
      { parent: this, dependsOn: [api.done, args.proxy.server.done] },
    );
  }
}

/** Asks until it is answered with 200. */
function waitFor(url: string): string {
  return `const deadline = Date.now() + ${inRotationWithinMs};
const isThere = () => fetch('${url}', { signal: AbortSignal.timeout(1_000) }).then(({ ok }) => ok, () => false);
while (!(await isThere())) {
  if (Date.now() > deadline) {
    console.error('${url} has not answered with 200 within ${inRotationWithinMs} ms');
    process.exit(1);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
}`;
}

/** `api-1`, `api-2`: names of replicas in the stack's network. */
export function numbered(role: 'api' | 'worker', count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${role}-${index + 1}`);
}

function migrationArgs(args: TicketingServiceArgs): HardenedContainerArgs {
  return {
    ...sharedArgs(args),
    command: ['service/src/migrate-database.ts'],
    environment: { DATABASE_URL_FILE: `${filesFolder}/database-url` },
    files: { secret: { 'database-url': args.urls.database } },
    memoryMegabytes: 256,
    cpus: 1,
    life: { kind: 'job' },
  };
}

function sharedArgs({ context, image, cpuSet, volumes }: TicketingServiceArgs) {
  return {
    context,
    image,
    cpuSet,
    user: '10001:10001',
    scratch: ['/tmp'],
    ...(volumes === undefined ? {} : { volumes }),
  };
}

function environment({ variables, proxy }: TicketingServiceArgs, role: Role): Readonly<Record<string, string>> {
  return {
    ROLE: role,
    HOST: '0.0.0.0',
    PORT: String(apiPort),
    ADMIN_HOST: '0.0.0.0',
    ADMIN_PORT: String(adminPort),
    ...(role === 'worker' ? {} : { API_TOKEN_FILE: `${filesFolder}/api-token` }),
    DATABASE_URL_FILE: `${filesFolder}/database-url`,
    REDIS_QUEUE_URL_FILE: `${filesFolder}/redis-queue-url`,
    REDIS_CACHE_URL_FILE: `${filesFolder}/redis-cache-url`,
    PERFORMANCE_CACHE: 'look-aside',
    SEAT_CREATION: 'stream',
    SHUTDOWN_GRACE_MS: String(graceSeconds * 1_000),
    ...(proxy && role !== 'worker' ? { SHUTDOWN_DRAIN_MS: String(drainSeconds * 1_000) } : {}),
    ...variables,
  };
}

function secretFiles({ urls, apiToken }: TicketingServiceArgs, role: Role): Readonly<Record<string, Input<string>>> {
  return {
    'database-url': urls.database,
    'redis-queue-url': urls.redisQueue,
    'redis-cache-url': urls.redisCache,
    ...(role === 'worker' ? {} : { 'api-token': apiToken }),
  };
}
