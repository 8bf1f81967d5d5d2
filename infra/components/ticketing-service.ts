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
  /** Ports of the host for the api, for the one replica that has no proxy before it, and for the admin servers. */
  readonly publish: { readonly api: boolean; readonly apiPort?: number | undefined; readonly admin: boolean };
  /** Volumes that the database file is in, with SQLite. */
  readonly volumes?: HardenedContainerArgs['volumes'];
}

type Role = 'all' | 'api' | 'worker';

export const apiPort = 3000;
export const adminPort = 3001;

const graceSeconds = 10;
const readiness = `fetch('http://127.0.0.1:${adminPort}/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`;

/**
 * The service from its one image: a job that migrates the database, then the api's replicas, which are replaced one
 * after the other, then the workers.
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
    const role = args.workerReplicas === 0 ? 'all' : 'api';
    this.apis = inTurn(args.apiReplicas, migration, (number, before) => {
      const { api, admin, apiPort: hostPort } = args.publish;
      const ports = { ...(api ? { [apiPort]: hostPort } : {}), ...(admin ? { [adminPort]: undefined } : {}) };
      return this.#replica(`api-${number}`, { ...args, role, ports, before });
    });
    this.workers = inTurn(args.workerReplicas, this.apis.at(-1) ?? migration, (number, before) =>
      this.#replica(`worker-${number}`, {
        ...args,
        role: 'worker',
        ports: args.publish.admin ? { [adminPort]: undefined } : {},
        before,
      }),
    );
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
        life: { kind: 'service', healthcheck: ['node', '-e', readiness], stopSeconds: graceSeconds + 5 },
      },
      { parent: this, dependsOn: [before.done] },
    );
  }
}

/** Each one begins when the one before is healthy. */
function inTurn(
  count: number,
  first: HardenedContainer,
  create: (number: number, before: HardenedContainer) => HardenedContainer,
): readonly HardenedContainer[] {
  const created: HardenedContainer[] = [];
  for (let number = 1; number <= count; number++) created.push(create(number, created.at(-1) ?? first));
  return created;
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

function environment({ variables }: TicketingServiceArgs, role: Role): Readonly<Record<string, string>> {
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
