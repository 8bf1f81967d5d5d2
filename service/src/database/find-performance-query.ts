import type { InferResult } from 'kysely';

import type { PerformanceDetail, Price } from '../catalog/model.ts';
import type { Dialect } from './dialect.ts';

type Positioned<Item> = Item & { readonly position: number };

/** A performance with its prices and showtimes, in one statement and so of one moment. */
export function findPerformanceQuery(dialect: Dialect, id: number) {
  return detailQuery(dialect, id).compile();
}

function detailQuery({ build, jsonArrayFrom }: Dialect, id: number) {
  return build
    .selectFrom('performances')
    .where('performances.id', '=', id)
    .select(['id', 'title', 'introduction', 'genre', 'period_from', 'period_to'])
    .select((columns) => [
      jsonArrayFrom(
        columns
          .selectFrom('prices')
          .whereRef('prices.performance_id', '=', 'performances.id')
          .select(['prices.grade', 'prices.amount', 'prices.position']),
      )
        .$castTo<string>()
        .as('prices'),
      jsonArrayFrom(
        columns
          .selectFrom('showtimes')
          .innerJoin('halls', 'halls.id', 'showtimes.hall_id')
          .innerJoin('venues', 'venues.id', 'halls.venue_id')
          .whereRef('showtimes.performance_id', '=', 'performances.id')
          .select([
            'showtimes.id',
            'showtimes.performance_id as performanceId',
            'showtimes.hall_id as hallId',
            'showtimes.starts_at as startsAt',
            'halls.name as hall',
            'venues.name as venue',
            'venues.city as city',
          ]),
      )
        .$castTo<string>()
        .as('showtimes'),
    ]);
}

export function detailOf(row: InferResult<ReturnType<typeof detailQuery>>[number]): PerformanceDetail {
  const prices: Positioned<Price>[] = JSON.parse(row.prices);
  const showtimes: PerformanceDetail['showtimes'][number][] = JSON.parse(row.showtimes);
  return {
    id: row.id,
    title: row.title,
    introduction: row.introduction,
    genre: row.genre,
    period: { from: row.period_from, to: row.period_to },
    prices: pricesOf(prices),
    // Inside JSON PostgreSQL writes an instant with its offset.
    showtimes: showtimes
      .map((showtime) => ({ ...showtime, startsAt: new Date(showtime.startsAt).toISOString() }))
      .sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt) || a.id - b.id),
  };
}

export function pricesOf(prices: readonly Positioned<Price>[]): Price[] {
  return prices.toSorted((a, b) => a.position - b.position).map(({ grade, amount }) => ({ grade, amount }));
}
