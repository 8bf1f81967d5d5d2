import { randomUUID } from 'node:crypto';

import { CompiledQuery } from 'kysely';

import type { Price, SeatingPlan } from '../../src/catalog/model.ts';
import { countSeats } from '../../src/catalog/seating-plan.ts';
import { createCatalogRepository } from '../../src/database/catalog-repository.ts';
import type { Database } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { createSeatCreationStore } from '../../src/database/seat-creation-store.ts';
import type { IdempotencyKey, SeatCreationJob, SeatTarget } from '../../src/seat-creation/job.ts';
import type { JobResult, SeatCreationStore } from '../../src/seat-creation/seat-creation-store.ts';
import {
  type DatabaseUnderTest,
  type DatabaseUnderTestOptions,
  openDatabase,
} from '../database/database-under-test.ts';

export interface StoreUnderTest extends DatabaseUnderTest {
  readonly store: SeatCreationStore;
  createHall(seatingPlan: SeatingPlan): Promise<SeatTarget>;
  /** Of a new performance with these prices. */
  createShowtime(hall: SeatTarget, prices?: readonly Price[]): Promise<SeatTarget & { readonly performanceId: number }>;
  /** What became of the jobs of a transaction that was committed. */
  create(...jobs: readonly SeatCreationJob[]): Promise<readonly JobResult[]>;
  query(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  write(statement: string): Promise<void>;
}

export async function openStore(
  engine: Database['engine'],
  options?: DatabaseUnderTestOptions,
): Promise<StoreUnderTest> {
  const under = await openDatabase(engine, options);
  const { database } = under;
  await migrate(database);
  const store = createSeatCreationStore(database);
  const catalog = createCatalogRepository(database);
  const { id: venueId } = await catalog.insertVenue({ name: 'Opera', city: 'Seoul' });
  return {
    ...under,
    store,
    async createHall(seatingPlan) {
      const hall = await catalog.insertHall({ venueId, name: 'Hall', seatingPlan, ...countSeats(seatingPlan) });
      return { kind: 'hall', id: hall.id };
    },
    async createShowtime({ id: hallId }, prices = []) {
      const period = { from: '2027-01-01', to: '2027-12-31' };
      const performance = { title: 'Hamlet', introduction: '', genre: 'play', period, prices } as const;
      const { id: performanceId } = await catalog.insertPerformance(performance);
      const startsAt = '2027-01-01T10:30:00.000Z';
      const { showtime } = await catalog.insertShowtime({ performanceId, hallId, startsAt });
      return { kind: 'showtime', id: showtime.id, performanceId };
    },
    async create(...jobs) {
      const outcome = await store.createSeats(jobs);
      if (outcome.outcome === 'failed') throw outcome.cause;
      return outcome.results;
    },
    query: (statement) => database.execute('ping', CompiledQuery.raw(statement)),
    async write(statement) {
      await database.transaction('create-venue', (transaction) =>
        transaction.execute('ping', CompiledQuery.raw(statement)),
      );
    },
  };
}

export const acceptedAt = '2026-11-23T15:00:00.000Z';

/** A job of its own operation. */
export function jobFor({ kind, id }: SeatTarget, idempotencyKey?: IdempotencyKey): SeatCreationJob {
  return { operationId: randomUUID(), target: { kind, id }, idempotencyKey, acceptedAt, replays: 0 };
}

/** One section of one block. */
export function blockPlan(rows: number, seatsPerRow: number): SeatingPlan {
  const block = { rows: { from: 1, to: rows }, seats: { from: 1, to: seatsPerRow } };
  return { floors: [{ name: '1F', sections: [{ name: 'A', grade: 'VIP', blocks: [block] }] }] };
}

/** Two floors, two grades, a section of two blocks: 12 seats. */
export const smallPlan: SeatingPlan = {
  floors: [
    {
      name: '1F',
      sections: [
        {
          name: 'B',
          grade: 'VIP',
          blocks: [
            { rows: { from: 1, to: 2 }, seats: { from: 1, to: 2 } },
            { rows: { from: 3, to: 3 }, seats: { from: 7, to: 8 } },
          ],
        },
        { name: 'A', grade: 'R', blocks: [{ rows: { from: 10, to: 11 }, seats: { from: 1, to: 2 } }] },
      ],
    },
    {
      name: '2F',
      sections: [{ name: 'A', grade: 'R', blocks: [{ rows: { from: 1, to: 1 }, seats: { from: 4, to: 5 } }] }],
    },
  ],
};
