import { encodeListCursor } from './list-cursor.ts';
import type { CatalogRepository, ListRequest } from './catalog-repository.ts';
import type { PerformanceSummary } from './model.ts';

export interface ListPerformancesPorts {
  readonly catalog: Pick<CatalogRepository, 'listPerformances'>;
  readonly now: () => Date;
}

export type ListPerformancesRequest = Omit<ListRequest, 'now'>;

export interface PerformancePage {
  readonly performances: readonly PerformanceSummary[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/**
 * A page of the main page, by next showtime.
 * A showtime that begins between two pages moves its performance to its next one, later in the list.
 */
export async function listPerformances(
  { catalog, now }: ListPerformancesPorts,
  { limit, ...request }: ListPerformancesRequest,
): Promise<PerformancePage> {
  const found = await catalog.listPerformances({ ...request, limit: limit + 1, now: now().toISOString() });
  const performances = found.slice(0, limit);
  const last = performances.at(-1);
  if (found.length <= limit || last === undefined) return { performances };
  return {
    performances,
    nextCursor: encodeListCursor({ startsAt: last.nextShowtime.startsAt, performanceId: last.id }),
  };
}
