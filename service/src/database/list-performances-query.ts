import { type Expression, type InferResult, sql, type SqlBool } from 'kysely';

import type { ListPosition, ListRequest } from '../catalog/catalog-repository.ts';
import type { PerformanceSummary, SeatsOfGrade } from '../catalog/model.ts';
import type { Dialect } from './dialect.ts';

/**
 * The main page in one statement: the page's performances are chosen from the indexes first, and only those are
 * enriched with title, place, cheapest price and seats by grade. Its plan is in main-page-plan.md.
 */
export function listPerformancesQuery(dialect: Dialect, request: ListRequest) {
  return pageQuery(dialect, request).compile();
}

function pageQuery(dialect: Dialect, request: ListRequest) {
  return dialect.build
    .with('page', () => nextShowtimes(dialect, request))
    .selectFrom('page')
    .innerJoin('performances', 'performances.id', 'page.performance_id')
    .innerJoin('showtimes', (join) => join.on('showtimes.id', '=', showtimeOfPage(dialect, request.city)))
    .innerJoin('halls', 'halls.id', 'showtimes.hall_id')
    .innerJoin('venues', 'venues.id', 'halls.venue_id')
    .select((columns) => [
      'performances.id',
      'performances.title',
      'performances.genre',
      'venues.name as venue',
      'venues.city',
      'showtimes.id as showtime_id',
      'page.starts_at',
      columns
        .selectFrom('prices')
        .whereRef('prices.performance_id', '=', 'performances.id')
        .select(({ fn }) => fn.min('prices.amount').as('amount'))
        .as('cheapest_price'),
      dialect
        .jsonArrayFrom(
          columns
            .selectFrom('hall_grades')
            .whereRef('hall_grades.hall_id', '=', 'halls.id')
            .select(['hall_grades.grade', 'hall_grades.seats', 'hall_grades.position']),
        )
        .$castTo<string>()
        .as('grades'),
    ])
    .orderBy('page.starts_at')
    .orderBy('page.performance_id');
}

/** When each performance of the page is shown next, in the order of the page. */
function nextShowtimes({ build }: Dialect, { genre, city, after, limit, now }: ListRequest) {
  let next = build.selectFrom('showtimes').where('showtimes.starts_at', '>=', now);
  if (city !== undefined) next = next.where('showtimes.hall_id', 'in', hallsOf(build, city));
  if (genre !== undefined) {
    const ofGenre = build.selectFrom('performances').where('performances.genre', '=', genre).select('performances.id');
    next = next.where('showtimes.performance_id', 'in', ofGenre);
  }
  const grouped = next
    .groupBy('showtimes.performance_id')
    .select(({ fn }) => ['showtimes.performance_id', fn.min('showtimes.starts_at').as('starts_at')])
    .orderBy('starts_at')
    .orderBy('showtimes.performance_id')
    .limit(limit);
  return after === undefined ? grouped : grouped.having(isBehind(after));
}

function isBehind({ startsAt, performanceId }: ListPosition): Expression<SqlBool> {
  return sql`(min(showtimes.starts_at), showtimes.performance_id) > (${startsAt}, ${performanceId})`;
}

/** The page's showtime itself: with the same start in two halls, the one that was made first. */
function showtimeOfPage({ build }: Dialect, city: string | undefined): Expression<number> {
  let tied = build
    .selectFrom('showtimes as tied')
    .where('tied.performance_id', '=', sql.ref<number>('page.performance_id'))
    .where('tied.starts_at', '=', sql.ref<string>('page.starts_at'));
  if (city !== undefined) tied = tied.where('tied.hall_id', 'in', hallsOf(build, city));
  const first = tied.select('tied.id').orderBy('tied.id').limit(1);
  return sql<number>`(${first})`;
}

function hallsOf(build: Dialect['build'], city: string) {
  return build
    .selectFrom('halls')
    .innerJoin('venues', 'venues.id', 'halls.venue_id')
    .where('venues.city', '=', city)
    .select('halls.id');
}

export type ListPerformancesRow = InferResult<ReturnType<typeof pageQuery>>[number];

export function summaryOf(row: ListPerformancesRow): PerformanceSummary {
  return {
    id: row.id,
    title: row.title,
    genre: row.genre,
    venue: row.venue,
    city: row.city,
    nextShowtime: { id: row.showtime_id, startsAt: row.starts_at },
    cheapestPrice: row.cheapest_price,
    seatsByGrade: seatsByGradeOf(row.grades),
  };
}

/** From a JSON array of `grade`, `seats` and `position`. */
export function seatsByGradeOf(json: string): SeatsOfGrade[] {
  const grades: (SeatsOfGrade & { readonly position: number })[] = JSON.parse(json);
  return grades.sort((a, b) => a.position - b.position).map(({ grade, seats }) => ({ grade, seats }));
}
