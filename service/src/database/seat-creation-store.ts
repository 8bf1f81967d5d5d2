import type { SeatCreationStore } from '../seat-creation/seat-creation-store.ts';
import { createSeats } from './create-seats.ts';
import type { Database } from './database.ts';
import { dialects } from './dialect.ts';
import { listHallSeatsQuery, listShowtimeSeatsQuery } from './list-seats-query.ts';
import { findByIdempotencyKey, findOperation, findTarget, recordFailure } from './seat-creation-records.ts';

/** The ledger, the failures and the seats in SQL, for both engines. */
export function createSeatCreationStore(database: Database): SeatCreationStore {
  const dialect = dialects[database.engine];
  return {
    createSeats: (jobs) => createSeats(database, jobs),
    recordFailure: (job, failure, facts) => recordFailure(database, job, failure, facts),
    findOperation: (operationId) => findOperation(database, operationId),
    findByIdempotencyKey: (key) => findByIdempotencyKey(database, key),
    findTarget: (target) => findTarget(database, target),
    listHallSeats: (request) => database.execute('list-hall-seats', listHallSeatsQuery(dialect, request)),
    listShowtimeSeats: (request) => database.execute('list-showtime-seats', listShowtimeSeatsQuery(dialect, request)),
  };
}
