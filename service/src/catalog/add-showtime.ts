import type { PerformanceCache } from '../performance-cache/performance-cache.ts';
import { parseInstant } from './instant.ts';
import { invalidRequest } from './invalid-request.ts';
import type { CatalogRepository } from './catalog-repository.ts';
import type { Showtime } from './model.ts';
import { withUnknownCommitInvalidated } from './unknown-commit.ts';

export interface AddShowtimePorts {
  readonly catalog: Pick<CatalogRepository, 'insertShowtime'>;
  readonly cache: Pick<PerformanceCache, 'invalidate'>;
}

/** Rejects with `invalid-request`, `performance-not-found` or `hall-not-found`. */
export async function addShowtime(
  { catalog, cache }: AddShowtimePorts,
  { performanceId, hallId, startsAt }: Omit<Showtime, 'id'>,
): Promise<Showtime> {
  const inserted = catalog.insertShowtime({ performanceId, hallId, startsAt: instantOf(startsAt) });
  const { showtime, genre } = await withUnknownCommitInvalidated(cache, performanceId, inserted);
  await cache.invalidate({ performanceId, genres: [genre] });
  return showtime;
}

function instantOf(startsAt: string): string {
  const instant = parseInstant(startsAt);
  if (instant !== undefined) return instant;
  const expected = 'an instant of the years 1 to 9999, such as 2026-11-23T19:30:00.000Z';
  throw invalidRequest([{ in: 'body', pointer: '/startsAt', value: startsAt, expected }]);
}
