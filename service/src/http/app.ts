import { Router, type RouterContext } from '@koa/router';
import Koa, { type Context } from 'koa';
import type { Logger } from 'pino';

import type { HttpMetrics } from '../telemetry/http-metrics.ts';
import { type Authorize, createBearerAuthorization } from './bearer-token.ts';
import { needsToken, type Operation } from './operation.ts';
import { HttpError } from './problem-details.ts';
import { createRequestBoundary } from './request-boundary.ts';
import { hallOperations } from './routes/halls.ts';
import { openApiOperation } from './routes/openapi.ts';
import { performanceOperations, type PerformanceRoutesPorts } from './routes/performances.ts';
import { seatCreationOperations, type SeatCreationRoutesPorts } from './routes/seat-creations.ts';
import { seatOperations } from './routes/seats.ts';
import { venueOperations } from './routes/venues.ts';
import { versionOperation } from './routes/version.ts';
import type { Version } from './schemas.ts';

export interface AppDependencies extends PerformanceRoutesPorts, SeatCreationRoutesPorts {
  readonly token: string;
  readonly version: Version;
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
}

/** Those that count against the service. */
const failureStatuses = [500, 503];

/** The API, as a Koa application: boundary, routes, and what answers when no route does. */
export function createApp(dependencies: AppDependencies): Koa {
  const { logger, metrics, token, version } = dependencies;
  const operations = [
    ...performanceOperations(dependencies),
    ...venueOperations(dependencies),
    ...hallOperations(dependencies),
    ...seatOperations(dependencies.seatCreation.store),
    ...seatCreationOperations(dependencies),
    versionOperation(version),
  ];
  const all = [...operations, openApiOperation(operations)];
  for (const { method, path, success } of all) {
    metrics.declare(method.toUpperCase(), path, [success.status, ...failureStatuses]);
  }
  const router = createRouter(all, createBearerAuthorization(token));
  const app = new Koa();
  app.use(createRequestBoundary(dependencies));
  app.use(router.routes());
  app.use(answerUnmatched);
  // Only what happens to the connection after the answer was made arrives here.
  app.on('error', (error: unknown) => logger.debug({ event: 'connection-failed', err: error }));
  return app;
}

/** Who may write is asked before the body is read. */
function createRouter(operations: readonly Operation[], authorize: Authorize): Router {
  const router = new Router({ sensitive: true, strict: true });
  for (const operation of operations) {
    const { method, path, answer } = operation;
    router.register(path.replace('{id}', ':id'), [method], (ctx: Context) => {
      (ctx.state as { route?: string }).route = path;
      if (needsToken(operation)) authorize(ctx);
      return answer(ctx);
    });
  }
  return router;
}

/** No route has this path (404), or none of those that have it has this method (405; OPTIONS: which it has). */
function answerUnmatched(ctx: Context): void {
  const matched: RouterContext['matched'] = ctx['matched'];
  const allowed = [...new Set((matched ?? []).flatMap(({ methods }) => methods))];
  if (allowed.length === 0) throw new HttpError('not-found', `there is nothing at ${ctx.path.slice(0, 200)}`);
  ctx.set('Allow', [...allowed, 'OPTIONS'].join(', '));
  if (ctx.method !== 'OPTIONS')
    throw new HttpError('method-not-allowed', `${ctx.path.slice(0, 200)} has ${allowed.join(', ')}, not ${ctx.method}`);
  ctx.status = 204;
}
