import { countSeats } from './seating-plan.ts';
import type { CatalogRepository } from './catalog-repository.ts';
import type { Hall } from './model.ts';

export interface CreateHallPorts {
  readonly catalog: Pick<CatalogRepository, 'insertHall'>;
}

/** Rejects with `invalid-seating-plan` or `venue-not-found`. */
export async function createHall(
  { catalog }: CreateHallPorts,
  hall: Pick<Hall, 'venueId' | 'name' | 'seatingPlan'>,
): Promise<Hall> {
  return catalog.insertHall({ ...hall, ...countSeats(hall.seatingPlan) });
}
