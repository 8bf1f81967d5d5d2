import type { CatalogRepository } from './catalog-repository.ts';
import type { PerformanceDetail } from './model.ts';

export interface GetPerformancePorts {
  readonly catalog: Pick<CatalogRepository, 'findPerformance'>;
}

/** `undefined`: there is no such performance, an absence that the cache may keep. */
export function getPerformance({ catalog }: GetPerformancePorts, id: number): Promise<PerformanceDetail | undefined> {
  return catalog.findPerformance(id);
}
