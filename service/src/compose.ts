import type { Logger } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';

import type { Config } from './config.ts';
import { createCatalogRepository } from './database/catalog-repository.ts';
import { createDatabase } from './database/create-database.ts';
import { createDatabaseMetrics } from './database/database-metrics.ts';
import type { Database } from './database/database.ts';
import { migrate } from './database/migrate.ts';
import { DomainError } from './domain-error.ts';
import { createApp } from './http/app.ts';
import { createHttpServer } from './http/http-server.ts';
import { createPerformanceCache } from './performance-cache/create-performance-cache.ts';
import { createPerformanceCacheMetrics } from './performance-cache/performance-cache-metrics.ts';
import type { PerformanceCache } from './performance-cache/performance-cache.ts';
import { createAdminRoutes, type Phase } from './telemetry/admin-routes.ts';
import { createHttpMetrics } from './telemetry/http-metrics.ts';

export interface ServicePorts {
  readonly apiPort: number;
  readonly adminPort: number;
}

export interface Service {
  /** Resolves when requests are served. Rejects when a port is taken or the database can't be used. */
  start(): Promise<ServicePorts>;
  /** Not ready any more, nothing new accepted, what is in flight finished, everything closed. */
  stop(): Promise<void>;
}

/** What a test puts in the place of the real thing. */
export interface Overrides {
  readonly database?: Database;
  readonly performanceCache?: PerformanceCache;
  readonly now?: () => Date;
}

const readinessPingTimeoutMs = 1_000;

/** The composition root: nothing is connected and nothing listens before `start`. */
export function compose(config: Config, logger: Logger, overrides: Overrides = {}): Service {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const database =
    overrides.database ?? createDatabase(config.database, { metrics: createDatabaseMetrics(registry), logger });
  const cache =
    overrides.performanceCache ??
    createPerformanceCache(config.performanceCache, { metrics: createPerformanceCacheMetrics(registry), logger });
  let phase: Phase = 'starting';

  const admin = createHttpServer({
    ...config.admin,
    portVariable: 'ADMIN_PORT',
    requestTimeoutMs: config.api.requestTimeoutMs,
    listener: createAdminRoutes(registry, {
      phase: () => phase,
      pingDatabase: () => database.ping(),
      pingTimeoutMs: readinessPingTimeoutMs,
    }),
  });
  const metrics = createHttpMetrics(registry);
  const app = createApp({
    catalog: createCatalogRepository(database),
    cache,
    now: overrides.now ?? (() => new Date()),
    token: config.api.token,
    version: {
      commit: config.commit ?? 'unknown',
      node: process.version,
      database: config.database.engine,
      performanceCache: config.performanceCache.mode,
    },
    logger,
    metrics,
  });
  const answer = app.callback();
  const api = createHttpServer({
    ...config.api,
    portVariable: 'PORT',
    listener: (request, response) => void answer(request, response),
    onUnparsed: (status) => metrics.countUnparsed(status),
  });

  /** What `stop` has ended must not come up behind it. */
  function refuseWhenStopped(): void {
    if (phase === 'stopping') throw new Error('stopped while it was starting');
  }

  return {
    async start() {
      const adminPort = await admin.start();
      await prepareDatabase(database);
      refuseWhenStopped();
      const apiPort = await api.start();
      refuseWhenStopped();
      phase = 'serving';
      return { apiPort, adminPort };
    },
    async stop() {
      phase = 'stopping';
      await api.stop();
      await cache.close();
      await database.close();
      await admin.stop();
    },
  };
}

async function prepareDatabase(database: Database): Promise<void> {
  try {
    await migrate(database);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new Error(`the ${database.engine} database can't be used (DATABASE_URL): ${error.message}`, { cause: error });
  }
}
