import type { EnvironmentRequest } from './environment.ts';

/** What a process of the service has to know of the others. */
export interface ServiceBacking {
  readonly engine: EnvironmentRequest['database'];
  readonly databaseUrl: string;
  readonly redisCacheUrl: string;
  readonly redisQueueUrl: string;
  readonly apiToken: string;
}

/** The service's defaults for connections that read, pinned so that they can't change under an experiment. */
const poolSize = { postgres: '10', sqlite: '4' } as const;

/** The environment variables that all processes of the lab's services have in common. Ports are any free ones. */
export function serviceConfiguration(backing: ServiceBacking): Readonly<Record<string, string>> {
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    ADMIN_PORT: '0',
    API_TOKEN: backing.apiToken,
    DATABASE_URL: backing.databaseUrl,
    DATABASE_POOL_SIZE: poolSize[backing.engine],
    REDIS_CACHE_URL: backing.redisCacheUrl,
    REDIS_QUEUE_URL: backing.redisQueueUrl,
    LOG_LEVEL: 'info',
  };
}
