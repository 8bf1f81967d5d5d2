import type { CatalogRepository } from './catalog-repository.ts';
import type { Venue } from './model.ts';

export interface CreateVenuePorts {
  readonly catalog: Pick<CatalogRepository, 'insertVenue'>;
}

export function createVenue({ catalog }: CreateVenuePorts, venue: Omit<Venue, 'id'>): Promise<Venue> {
  return catalog.insertVenue(venue);
}
