import { hash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Logger } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';

import type { Config } from './config.ts';
import type { CatalogRepository } from './catalog/catalog-repository.ts';
import { createCatalogRepository } from './database/catalog-repository.ts';
import { createDatabase } from './database/create-database.ts';
import { createDatabaseMetrics } from './database/database-metrics.ts';
import type { Database } from './database/database.ts';
import { migrate } from './database/migrate.ts';
import { createSeatCreationStore } from './database/seat-creation-store.ts';
import { DomainError } from './domain-error.ts';
import { type AppDependencies, createApp } from './http/app.ts';
import { createHttpServer, type HttpServer } from './http/http-server.ts';
import { createPerformanceCache } from './performance-cache/create-performance-cache.ts';
import { createPerformanceCacheMetrics } from './performance-cache/performance-cache-metrics.ts';
import type { PerformanceCache } from './performance-cache/performance-cache.ts';
import type { DecorateSteps } from './seat-creation/consumer-steps.ts';
import { createSeatCreation } from './seat-creation/create-seat-creation.ts';
import { createOptionalAnswers } from './seat-creation/optional-answers.ts';
import type { FindDurabilityProblems } from './seat-creation/queue-durability.ts';
import { createSeatCreationMetrics } from './seat-creation/seat-creation-metrics.ts';
import type { SeatCreationStore } from './seat-creation/seat-creation-store.ts';
import { createAdminRoutes, type Phase } from './telemetry/admin-routes.ts';
import { createCgroupMetrics } from './telemetry/cgroup-metrics.ts';
import { createHttpMetrics } from './telemetry/http-metrics.ts';

export interface ServicePorts {
  /** `undefined`: a worker has none. */
  readonly apiPort: number | undefined;
  readonly adminPort: number;
}

export interface Service {
  /** Resolves when requests are served, and jobs are taken. Rejects when a port is taken or the database can't be used. */
  start(): Promise<ServicePorts>;
  /** Not ready any more, after the time to drain nothing new accepted, what is in flight finished, everything closed. */
  stop(): Promise<void>;
}

/** What a test puts in the place of the real thing. */
export interface Overrides {
  readonly database?: Database;
  readonly performanceCache?: PerformanceCache;
  readonly createCatalogRepository?: (database: Database) => CatalogRepository;
  readonly now?: () => Date;
  /** Uniform in [0, 1): the jitter of the cache. */
  readonly random?: () => number;
  readonly seatCreationStore?: SeatCreationStore;
  readonly decorateSteps?: DecorateSteps;
  readonly findDurabilityProblems?: FindDurabilityProblems;
}

const readinessPingTimeoutMs = 1_000;
/** Accepting does not wait longer for what the database knows. */
const preflight = { timeoutMs: 1_000, retryAfterMs: 1_000, monotonicMs: () => performance.now() };
/** Of the grace: the rest is for closing. */
const workersGrace = 0.8;

/** The composition root: nothing is connected and nothing listens before `start`. */
export function compose(config: Config, logger: Logger, overrides: Overrides = {}): Service {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  createCgroupMetrics(registry);
  const database =
    overrides.database ?? createDatabase(config.database, { metrics: createDatabaseMetrics(registry), logger });
  const cache =
    overrides.performanceCache ??
    createPerformanceCache(config.performanceCache, {
      metrics: createPerformanceCacheMetrics(registry),
      logger,
      ...(overrides.random && { random: overrides.random }),
    });
  const store = overrides.seatCreationStore ?? createSeatCreationStore(database);
  const seatCreationMetrics = createSeatCreationMetrics(registry);
  const { decorateSteps, findDurabilityProblems } = overrides;
  const seatCreation = createSeatCreation(config.seatCreation, {
    store,
    cache,
    metrics: seatCreationMetrics,
    logger,
    decorateSteps,
    findDurabilityProblems,
  });
  let phase: Phase = 'starting';

  const admin = createHttpServer({
    ...config.admin,
    portVariable: 'ADMIN_PORT',
    requestTimeoutMs: config.requestTimeoutMs,
    listener: createAdminRoutes(registry, {
      phase: () => phase,
      pingDatabase: () => database.ping(),
      pingTimeoutMs: readinessPingTimeoutMs,
    }),
  });
  const now = overrides.now ?? (() => new Date());
  const api =
    config.api &&
    createApi(config, config.api, {
      catalog: (overrides.createCatalogRepository ?? createCatalogRepository)(database),
      cache,
      now,
      seatCreation: {
        store,
        queue: seatCreation.queue,
        deadLetters: seatCreation.deadLetters,
        metrics: seatCreationMetrics,
        fromDatabase: createOptionalAnswers(preflight),
        now,
        newOperationId: randomUUID,
        tokenDigest: hash('sha256', config.api.token, 'base64url').slice(0, 22),
      },
      logger,
      metrics: createHttpMetrics(registry),
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
      await seatCreation.start();
      refuseWhenStopped();
      const apiPort = await api?.start();
      refuseWhenStopped();
      phase = 'serving';
      return { apiPort, adminPort };
    },
    async stop() {
      const wasServing = phase === 'serving';
      phase = 'stopping';
      if (api && wasServing) await sleep(config.shutdownDrainMs);
      await Promise.all([api?.stop(), seatCreation.stop(workersGrace * config.shutdownGraceMs)]);
      seatCreation.close();
      await cache.close();
      await database.close();
      await admin.stop();
    },
  };
}

function createApi(
  config: Config,
  { host, port, token }: NonNullable<Config['api']>,
  dependencies: Omit<AppDependencies, 'token' | 'version'>,
): HttpServer {
  const app = createApp({
    ...dependencies,
    token,
    version: {
      commit: config.commit ?? 'unknown',
      node: process.version,
      database: config.database.engine,
      performanceCache: config.performanceCache.mode,
      seatCreation: config.seatCreation.mode,
    },
  });
  const answer = app.callback();
  return createHttpServer({
    host,
    port,
    portVariable: 'PORT',
    requestTimeoutMs: config.requestTimeoutMs,
    listener: (request, response) => void answer(request, response),
    onUnparsed: (status) => dependencies.metrics.countUnparsed(status),
  });
}

async function prepareDatabase(database: Database): Promise<void> {
  try {
    await migrate(database);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new Error(`the ${database.engine} database can't be used (DATABASE_URL): ${error.message}`, { cause: error });
  }
}
