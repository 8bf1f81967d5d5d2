import type { SeatsRequest } from '../seat-creation/seat-creation-store.ts';
import type { Dialect } from './dialect.ts';

/** A page by the key (hall_id, id). */
export function listHallSeatsQuery({ build }: Dialect, { targetId, after = 0, limit }: SeatsRequest) {
  return build
    .selectFrom('seats')
    .where('hall_id', '=', targetId)
    .where('id', '>', after)
    .select(['id', 'floor', 'section', 'row', 'seat as number', 'grade'])
    .orderBy('id')
    .limit(limit)
    .compile();
}

/** A page by the key (showtime_id, seat_id), each seat looked up by (hall_id, id). */
export function listShowtimeSeatsQuery({ build }: Dialect, { targetId, after = 0, limit }: SeatsRequest) {
  return build
    .selectFrom('showtime_seats')
    .innerJoin('showtimes', 'showtimes.id', 'showtime_seats.showtime_id')
    .innerJoin('seats', (join) =>
      join.onRef('seats.hall_id', '=', 'showtimes.hall_id').onRef('seats.id', '=', 'showtime_seats.seat_id'),
    )
    .where('showtime_seats.showtime_id', '=', targetId)
    .where('showtime_seats.seat_id', '>', after)
    .select(['seats.id', 'floor', 'section', 'row', 'seat as number', 'grade', 'amount'])
    .orderBy('showtime_seats.seat_id')
    .limit(limit)
    .compile();
}
