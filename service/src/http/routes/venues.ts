import type { CatalogRepository } from '../../catalog/catalog-repository.ts';
import { venueNotFound } from '../../catalog/not-found.ts';
import { createRepresentation } from '../../performance-cache/representation.ts';
import { answerEntity } from '../entity-answer.ts';
import { defineRead, defineWrite, noParameters, type Operation } from '../operation.ts';
import { newVenueSchema, venueSchema } from '../schemas.ts';

export interface VenueRoutesPorts {
  readonly catalog: Pick<CatalogRepository, 'insertVenue' | 'findVenue'>;
}

export function venueOperations(ports: VenueRoutesPorts): readonly Operation[] {
  return [
    defineWrite({
      method: 'post',
      path: '/venues',
      operationId: 'createVenue',
      summary: 'Create a venue',
      body: { schema: newVenueSchema, mediaTypes: ['application/json'] },
      success: { status: 201, schema: venueSchema, headers: { Location: 'Address of the venue' } },
      async handle(ctx, { body }) {
        const venue = await ports.catalog.insertVenue(body);
        ctx.status = 201;
        ctx.set('Location', `/venues/${venue.id}`);
        ctx.body = venue;
      },
    }),
    defineRead({
      method: 'get',
      path: '/venues/{id}',
      operationId: 'getVenue',
      summary: 'Read a venue',
      resource: 'venue',
      query: noParameters,
      success: { status: 200, schema: venueSchema, conditional: true },
      async handle(ctx, { id }) {
        const venue = await ports.catalog.findVenue(id);
        if (venue === undefined) throw venueNotFound(id);
        answerEntity(ctx, createRepresentation(venue));
      },
    }),
  ];
}
