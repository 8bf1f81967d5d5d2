import type { CatalogRepository } from '../../catalog/catalog-repository.ts';
import { createHall } from '../../catalog/create-hall.ts';
import { hallNotFound } from '../../catalog/not-found.ts';
import { createRepresentation } from '../../performance-cache/representation.ts';
import { answerEntity } from '../entity-answer.ts';
import { defineRead, defineWrite, noParameters, type Operation } from '../operation.ts';
import { hallSchema, newHallSchema } from '../schemas.ts';

export interface HallRoutesPorts {
  readonly catalog: Pick<CatalogRepository, 'insertHall' | 'findHall'>;
}

export function hallOperations(ports: HallRoutesPorts): readonly Operation[] {
  return [
    defineWrite({
      method: 'post',
      path: '/venues/{id}/halls',
      operationId: 'createHall',
      summary: 'Create a hall of a venue with its seating plan',
      resource: 'venue',
      body: { schema: newHallSchema, mediaTypes: ['application/json'] },
      success: { status: 201, schema: hallSchema, headers: { Location: 'Address of the hall' } },
      refusals: ['invalid-seating-plan'],
      async handle(ctx, { id, body }) {
        const hall = await createHall(ports, { ...body, venueId: id });
        ctx.status = 201;
        ctx.set('Location', `/halls/${hall.id}`);
        ctx.body = hall;
      },
    }),
    defineRead({
      method: 'get',
      path: '/halls/{id}',
      operationId: 'getHall',
      summary: 'Read a hall with its seating plan',
      resource: 'hall',
      query: noParameters,
      success: { status: 200, schema: hallSchema, conditional: true },
      async handle(ctx, { id }) {
        const hall = await ports.catalog.findHall(id);
        if (hall === undefined) throw hallNotFound(id);
        answerEntity(ctx, createRepresentation(hall));
      },
    }),
  ];
}
