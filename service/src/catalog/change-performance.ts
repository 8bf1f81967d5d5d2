import type { PerformanceCache } from '../performance-cache/performance-cache.ts';
import { checkPerformance } from './performance-rules.ts';
import { performanceNotFound } from './not-found.ts';
import type { CatalogRepository, PerformanceChange } from './catalog-repository.ts';
import type { Performance } from './model.ts';
import { withUnknownCommitInvalidated } from './unknown-commit.ts';

export interface ChangePerformancePorts {
  readonly catalog: Pick<CatalogRepository, 'updatePerformance'>;
  readonly cache: Pick<PerformanceCache, 'invalidate'>;
}

/**
 * Rejects with `invalid-request` or `performance-not-found`. Resolves when the change is committed and the
 * pages of the genre that it had, and of the one that it has, are invalidated.
 */
export async function changePerformance(
  { catalog, cache }: ChangePerformancePorts,
  id: number,
  change: PerformanceChange,
): Promise<Performance> {
  checkPerformance(change);
  const updated = await withUnknownCommitInvalidated(cache, id, catalog.updatePerformance(id, change));
  if (updated === undefined) throw performanceNotFound(id);
  const { performance, previousGenre } = updated;
  await cache.invalidate({ performanceId: id, genres: [...new Set([previousGenre, performance.genre])] });
  return performance;
}
