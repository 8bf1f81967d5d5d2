import { Router } from '@koa/router';
import { Redis } from 'ioredis';
import Koa from 'koa';
import { collectDefaultMetrics, Registry } from 'prom-client';

import { answerEntity } from '../../src/http/entity-answer.ts';
import { createHttpServer } from '../../src/http/http-server.ts';
import { createRequestBoundary } from '../../src/http/request-boundary.ts';
import { createRepresentation } from '../../src/performance-cache/representation.ts';
import { createHttpMetrics } from '../../src/telemetry/http-metrics.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

/**
 * The reference for what a hit costs: the service's server, boundary and router, around a route that validates
 * nothing, does one GET of `BARE_KEY` at `REDIS_CACHE_URL` with a client of default settings, and sends the bytes.
 */
const { REDIS_CACHE_URL = '', BARE_KEY = '' } = process.env;
const client = new Redis(REDIS_CACHE_URL);
const registry = new Registry();
collectDefaultMetrics({ register: registry });
const logger = createLogger({ level: 'info', secrets: [] });
const { etag } = createRepresentation(await client.get(BARE_KEY));

const router = new Router({ sensitive: true, strict: true });
router.get('/performances', async (ctx) => {
  (ctx.state as { route?: string }).route = '/performances';
  const body = await client.getBuffer(BARE_KEY);
  ctx.res.setHeader('Cache-Status', 'ticketing; hit');
  ctx.res.setHeader('Age', 0);
  if (body) answerEntity(ctx, { body, etag });
});
const app = new Koa();
app.use(createRequestBoundary({ logger, metrics: createHttpMetrics(registry) }));
app.use(router.routes());
const answer = app.callback();
const server = createHttpServer({
  host: '127.0.0.1',
  port: 0,
  portVariable: 'PORT',
  requestTimeoutMs: 10_000,
  listener: (request, response) => void answer(request, response),
});
logger.info({ event: 'listening', apiPort: await server.start() });
