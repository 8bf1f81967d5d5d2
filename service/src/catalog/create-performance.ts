import type { PerformanceCache } from '../performance-cache/performance-cache.ts';
import { checkPerformance } from './performance-rules.ts';
import type { CatalogRepository } from './catalog-repository.ts';
import type { Performance } from './model.ts';

export interface CreatePerformancePorts {
  readonly catalog: Pick<CatalogRepository, 'insertPerformance'>;
  readonly cache: Pick<PerformanceCache, 'invalidate'>;
}

/**
 * Rejects with `invalid-request`. The detail's stored absence is voided; no list page changes before the
 * performance has a showtime.
 */
export async function createPerformance(
  { catalog, cache }: CreatePerformancePorts,
  performance: Omit<Performance, 'id'>,
): Promise<Performance> {
  checkPerformance(performance);
  const created = await catalog.insertPerformance(performance);
  await cache.invalidate({ performanceId: created.id, genres: [] });
  return created;
}
