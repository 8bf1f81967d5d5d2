import { hallNotFound, showtimeNotFound } from '../../catalog/not-found.ts';
import { createRepresentation } from '../../performance-cache/representation.ts';
import type { SeatTarget } from '../../seat-creation/job.ts';
import type { SeatCreationStore } from '../../seat-creation/seat-creation-store.ts';
import { answerEntity } from '../entity-answer.ts';
import { defineRead, type Operation } from '../operation.ts';
import { hallSeatPageSchema, seatsQuerySchema, showtimeSeatPageSchema } from '../schemas.ts';

type Store = Pick<SeatCreationStore, 'findTarget' | 'listHallSeats' | 'listShowtimeSeats'>;

export function seatOperations(store: Store): readonly Operation[] {
  return [listOperation(store, 'hall'), listOperation(store, 'showtime')];
}

function listOperation(store: Store, kind: SeatTarget['kind']): Operation {
  const isHall = kind === 'hall';
  return defineRead({
    method: 'get',
    path: `/${kind}s/{id}/seats`,
    operationId: isHall ? 'listHallSeats' : 'listShowtimeSeats',
    summary: isHall ? "A hall's seats" : "A showtime's seats with their prices",
    resource: kind,
    query: seatsQuerySchema,
    success: { status: 200, schema: isHall ? hallSeatPageSchema : showtimeSeatPageSchema, conditional: true },
    async handle(ctx, { id, query: { cursor, limit } }) {
      const request = { targetId: id, after: cursor === undefined ? undefined : Number(cursor), limit: limit + 1 };
      const seats = await (isHall ? store.listHallSeats(request) : store.listShowtimeSeats(request));
      if (seats.length === 0 && !(await store.findTarget({ kind, id })).exists) {
        throw isHall ? hallNotFound(id) : showtimeNotFound(id);
      }
      const items = seats.slice(0, limit);
      const last = seats.length > limit ? items.at(-1) : undefined;
      answerEntity(ctx, createRepresentation({ items, ...(last && { nextCursor: String(last.id) }) }));
    },
  });
}
