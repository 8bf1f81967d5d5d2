import type { EnvironmentRequest } from './environment.ts';

/** What a process of the service has to know of the others. */
export interface ServiceBacking {
  readonly engine: EnvironmentRequest['database'];
  readonly databaseUrl: string;
  readonly redisCacheUrl: string;
  readonly redisQueueUrl: string;
}

/** Connections that read, and cache misses that may use them at once: pinned, whatever the service's defaults become. */
const poolSize = { postgres: '10', sqlite: '4' } as const;
const loadsInFlight = { postgres: '8', sqlite: '4' } as const;

/** What the lab pins, wherever the service runs. */
export function pinnedConfiguration(engine: ServiceBacking['engine']): Readonly<Record<string, string>> {
  return {
    DATABASE_POOL_SIZE: poolSize[engine],
    PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT: loadsInFlight[engine],
    LOG_LEVEL: 'info',
  };
}

/** The environment variables that all processes of the lab's services have in common; ports are any free ones. */
export function serviceConfiguration(backing: ServiceBacking): Readonly<Record<string, string>> {
  return {
    NODE_ENV: 'production',
    ADMIN_PORT: '0',
    DATABASE_URL: backing.databaseUrl,
    REDIS_CACHE_URL: backing.redisCacheUrl,
    REDIS_QUEUE_URL: backing.redisQueueUrl,
    ...pinnedConfiguration(backing.engine),
  };
}
