import type { Context } from 'koa';

import { addShowtime } from '../../catalog/add-showtime.ts';
import type { CatalogRepository } from '../../catalog/catalog-repository.ts';
import { changePerformance } from '../../catalog/change-performance.ts';
import { createPerformance } from '../../catalog/create-performance.ts';
import { decodeListCursor } from '../../catalog/list-cursor.ts';
import { listPerformances } from '../../catalog/list-performances.ts';
import { performanceNotFound } from '../../catalog/not-found.ts';
import type { CacheResult, PerformanceCache, PerformanceRead } from '../../performance-cache/performance-cache.ts';
import { createRepresentation } from '../../performance-cache/representation.ts';
import { answerEntity } from '../entity-answer.ts';
import { defineRead, defineWrite, noParameters, type Operation } from '../operation.ts';
import {
  newPerformanceSchema,
  newShowtimeSchema,
  performanceChangeSchema,
  performanceDetailSchema,
  performanceListQuerySchema,
  type PerformancePageBody,
  performancePageSchema,
  performanceSchema,
  showtimeSchema,
} from '../schemas.ts';

export interface PerformanceRoutesPorts {
  readonly catalog: CatalogRepository;
  readonly cache: Pick<PerformanceCache, 'read' | 'invalidate'>;
  readonly now: () => Date;
}

/** RFC 9211. */
const cacheStatus: Readonly<Record<CacheResult, string>> = {
  hit: 'ticketing; hit',
  negative: 'ticketing; hit; detail=negative',
  miss: 'ticketing; fwd=miss',
  bypass: 'ticketing; fwd=bypass',
};
const readHeaders = { 'Cache-Status': 'What the cache did (RFC 9211)', Age: 'Seconds since the bytes were stored' };

export function performanceOperations(ports: PerformanceRoutesPorts): readonly Operation[] {
  return [listOperation(ports), detailOperation(ports), ...writeOperations(ports)];
}

function listOperation({ cache, ...ports }: PerformanceRoutesPorts): Operation {
  return defineRead({
    method: 'get',
    path: '/performances',
    operationId: 'listPerformances',
    summary: 'The main page: performances by their next showtime',
    query: performanceListQuerySchema,
    success: { status: 200, schema: performancePageSchema, headers: readHeaders, conditional: true },
    async handle(ctx, { query }) {
      const { genre, city, cursor, limit } = query;
      const after = cursor === undefined ? undefined : decodeListCursor(cursor);
      const read = await cache.read({ kind: 'list', genre, city, cursor, limit }, async () => {
        const { performances, ...rest } = await listPerformances(ports, { genre, city, after, limit });
        return createRepresentation({ items: performances, ...rest } satisfies PerformancePageBody);
      });
      answerRead(ctx, read);
    },
  });
}

function detailOperation({ catalog, cache }: PerformanceRoutesPorts): Operation {
  return defineRead({
    method: 'get',
    path: '/performances/{id}',
    operationId: 'getPerformance',
    summary: 'Read a performance with its showtimes',
    resource: 'performance',
    query: noParameters,
    success: { status: 200, schema: performanceDetailSchema, headers: readHeaders, conditional: true },
    async handle(ctx, { id }) {
      const read = await cache.read({ kind: 'detail', performanceId: id }, async () => {
        const performance = await catalog.findPerformance(id);
        return performance && createRepresentation(performance);
      });
      if (!answerRead(ctx, read)) throw performanceNotFound(id);
    },
  });
}

/** `false`: there is nothing to answer with. */
function answerRead(ctx: Context, { representation, result, ageSeconds }: PerformanceRead): boolean {
  ctx.res.setHeader('Cache-Status', cacheStatus[result]);
  if (representation === undefined) return false;
  if (result === 'hit') ctx.res.setHeader('Age', Math.floor(ageSeconds));
  answerEntity(ctx, representation);
  return true;
}

function writeOperations(ports: PerformanceRoutesPorts): readonly Operation[] {
  return [
    defineWrite({
      method: 'post',
      path: '/performances',
      operationId: 'createPerformance',
      summary: 'Create a performance',
      body: { schema: newPerformanceSchema, mediaTypes: ['application/json'] },
      success: { status: 201, schema: performanceSchema, headers: { Location: 'Address of the performance' } },
      async handle(ctx, { body }) {
        const performance = await createPerformance(ports, body);
        ctx.status = 201;
        ctx.set('Location', `/performances/${performance.id}`);
        ctx.body = performance;
      },
    }),
    defineWrite({
      method: 'patch',
      path: '/performances/{id}',
      operationId: 'changePerformance',
      summary: 'Replace fields of a performance',
      resource: 'performance',
      body: { schema: performanceChangeSchema, mediaTypes: ['application/merge-patch+json', 'application/json'] },
      success: { status: 200, schema: performanceSchema },
      async handle(ctx, { id, body }) {
        ctx.body = await changePerformance(ports, id, body);
      },
    }),
    defineWrite({
      method: 'post',
      path: '/performances/{id}/showtimes',
      operationId: 'addShowtime',
      summary: 'Add a showtime to a performance',
      resource: 'performance',
      body: { schema: newShowtimeSchema, mediaTypes: ['application/json'] },
      success: {
        status: 201,
        schema: showtimeSchema,
        headers: { Location: 'Address of the performance, which shows its showtimes' },
      },
      refusals: ['hall-not-found'],
      async handle(ctx, { id, body }) {
        ctx.status = 201;
        ctx.body = await addShowtime(ports, { ...body, performanceId: id });
        ctx.set('Location', `/performances/${id}`);
      },
    }),
  ];
}
