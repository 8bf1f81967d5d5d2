import type { PerformanceCache } from '../performance-cache/performance-cache.ts';
import { toInstant } from './instant.ts';
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
  const inserted = catalog.insertShowtime({ performanceId, hallId, startsAt: toInstant('startsAt', startsAt) });
  const { showtime, genre } = await withUnknownCommitInvalidated(cache, performanceId, inserted);
  await cache.invalidate({ performanceId, genres: [genre] });
  return showtime;
}
