import { sql } from 'kysely';

import type { CatalogRepository, ListRequest } from '../../src/catalog/catalog-repository.ts';
import type { PerformanceSummary } from '../../src/catalog/model.ts';
import { createCatalogRepository } from '../../src/database/catalog-repository.ts';
import type { Database } from '../../src/database/database.ts';
import { dialects } from '../../src/database/dialect.ts';

/**
 * Wrong on purpose: the main page put together from what the repository has already, a performance and a hall for each
 * of its rows, all at once. It reads well, answers the same, and asks 1 + 2 N times for N rows.
 */
export function createNPlusOneCatalog(database: Database): CatalogRepository {
  const catalog = createCatalogRepository(database);
  return {
    ...catalog,
    async listPerformances(request) {
      const ids = await idsOfPage(database, request);
      const rows = await Promise.all(ids.map((id) => findSummary(catalog, id, request)));
      return rows.flatMap((row) => row ?? []);
    },
  };
}

async function idsOfPage(
  database: Database,
  { genre, city, after, limit, now }: ListRequest,
): Promise<readonly number[]> {
  let query = dialects[database.engine].build
    .selectFrom('showtimes')
    .innerJoin('performances', 'performances.id', 'showtimes.performance_id')
    .innerJoin('halls', 'halls.id', 'showtimes.hall_id')
    .innerJoin('venues', 'venues.id', 'halls.venue_id')
    .where('showtimes.starts_at', '>=', now);
  if (genre !== undefined) query = query.where('performances.genre', '=', genre);
  if (city !== undefined) query = query.where('venues.city', '=', city);
  let page = query
    .groupBy('performances.id')
    .select('performances.id')
    .orderBy(({ fn }) => fn.min('showtimes.starts_at'))
    .orderBy('performances.id')
    .limit(limit);
  if (after !== undefined) {
    page = page.having(
      sql<boolean>`(min(showtimes.starts_at), performances.id) > (${after.startsAt}, ${after.performanceId})`,
    );
  }
  return (await database.execute('list-performances', page.compile())).map(({ id }) => id);
}

/** `undefined`: it went meanwhile, for these are many moments and not one. */
async function findSummary(
  catalog: CatalogRepository,
  id: number,
  { city, now }: ListRequest,
): Promise<PerformanceSummary | undefined> {
  const performance = await catalog.findPerformance(id);
  const next = performance?.showtimes.find(
    (showtime) => showtime.startsAt >= now && (city === undefined || showtime.city === city),
  );
  const hall = next && (await catalog.findHall(next.hallId));
  if (!performance || !next || !hall) return undefined;
  const amounts = performance.prices.map(({ amount }) => amount);
  return {
    id,
    title: performance.title,
    genre: performance.genre,
    venue: next.venue,
    city: next.city,
    nextShowtime: { id: next.id, startsAt: next.startsAt },
    cheapestPrice: amounts.length === 0 ? null : Math.min(...amounts),
    seatsByGrade: hall.seatsByGrade,
  };
}
