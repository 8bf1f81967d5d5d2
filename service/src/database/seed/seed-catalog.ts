import { type Compilable, CompiledQuery, type Kysely, sql } from 'kysely';

import type { Database, QueryExecutor } from '../database.ts';
import { dialects } from '../dialect.ts';
import type { Schema } from '../schema.ts';
import { createRandom } from './random.ts';
import {
  type SeedHall,
  type SeedPerformance,
  hallsPerVenue,
  seedHalls,
  seedPerformance,
  seedVenues,
} from './seed-content.ts';

/** Six columns at most: well below PostgreSQL's 65,535 parameters and SQLite's 32,766. */
const rowsPerInsert = 2_000;

export interface SeedOptions {
  readonly performances: number;
  readonly showtimesPerPerformance: number;
  readonly randomSeed: number;
  /** "Now" of the content. */
  readonly relativeTo: Date;
}

export type SeedCounts = Readonly<Record<'venues' | 'halls' | 'performances' | 'prices' | 'showtimes', number>>;

type Insert = <Row>(rows: readonly Row[], query: (rows: readonly Row[]) => Compilable) => Promise<void>;

/**
 * Fills an empty, migrated database: the same options give the same rows, with ids from 1, in both engines. All in
 * one transaction; then the planner's statistics. Rejects when there is anything in the catalogue already.
 */
export async function seedCatalog(database: Database, options: SeedOptions): Promise<SeedCounts> {
  const counts = await database.transaction('seed-catalog', async (transaction) => {
    await refuseContent(database, transaction);
    const insert = createInsert(transaction);
    const { build } = dialects[database.engine];
    const random = createRandom(options.randomSeed);
    const venues = seedVenues();
    await insert(venues, (venues) => build.insertInto('venues').values(venues));
    await insertHalls(insert, build, seedHalls(venues, random));
    const performances = Array.from({ length: options.performances }, (_, index) =>
      seedPerformance(
        index + 1,
        { showtimes: options.showtimesPerPerformance, relativeTo: options.relativeTo },
        random,
      ),
    );
    await insertPerformances(insert, build, performances);
    if (database.engine === 'postgres') await moveIdentities(transaction);
    return {
      venues: venues.length,
      halls: venues.length * hallsPerVenue,
      performances: performances.length,
      prices: performances.reduce((total, { prices }) => total + prices.length, 0),
      showtimes: performances.length * options.showtimesPerPerformance,
    };
  });
  await collectStatistics(database);
  return counts;
}

async function refuseContent(database: Database, transaction: QueryExecutor): Promise<void> {
  const { build } = dialects[database.engine];
  const [existing] = await transaction.execute(
    'seed',
    build.selectFrom('venues').select('id').unionAll(build.selectFrom('performances').select('id')).limit(1).compile(),
  );
  if (existing === undefined) return;
  throw new Error('the database already has venues or performances: seed an empty one, or drop this one first');
}

function createInsert(transaction: QueryExecutor): Insert {
  return async (rows, query) => {
    for (let from = 0; from < rows.length; from += rowsPerInsert) {
      await transaction.execute('seed', query(rows.slice(from, from + rowsPerInsert)).compile());
    }
  };
}

async function insertHalls(insert: Insert, build: Kysely<Schema>, halls: readonly SeedHall[]): Promise<void> {
  const rows = halls.map(({ id, venueId, name, seatingPlan, seats }) => ({
    id,
    venue_id: venueId,
    name,
    seating_plan: JSON.stringify(seatingPlan),
    seats,
  }));
  const grades = halls.flatMap(({ id, seatsByGrade }) =>
    seatsByGrade.map(({ grade, seats }, position) => ({ hall_id: id, grade, seats, position })),
  );
  await insert(rows, (halls) => build.insertInto('halls').values(halls));
  await insert(grades, (grades) => build.insertInto('hall_grades').values(grades));
}

async function insertPerformances(
  insert: Insert,
  build: Kysely<Schema>,
  performances: readonly SeedPerformance[],
): Promise<void> {
  const rows = performances.map(({ id, title, introduction, genre, period }) => ({
    id,
    title,
    introduction,
    genre,
    period_from: period.from,
    period_to: period.to,
  }));
  const prices = performances.flatMap(({ id, prices }) =>
    prices.map(({ grade, amount }, position) => ({ performance_id: id, grade, amount, position })),
  );
  const showtimes = performances
    .flatMap(({ id, showtimes }) => showtimes.map((showtime) => ({ performanceId: id, ...showtime })))
    .map(({ performanceId, hallId, startsAt }, index) => ({
      id: index + 1,
      performance_id: performanceId,
      hall_id: hallId,
      starts_at: startsAt,
    }));
  await insert(rows, (performances) => build.insertInto('performances').values(performances));
  await insert(prices, (prices) => build.insertInto('prices').values(prices));
  await insert(showtimes, (showtimes) => build.insertInto('showtimes').values(showtimes));
}

/** The rows brought their ids along: the next one that PostgreSQL gives must be behind them. */
async function moveIdentities(transaction: QueryExecutor): Promise<void> {
  for (const table of ['venues', 'halls', 'performances', 'showtimes'] as const) {
    const query = sql`select setval(pg_get_serial_sequence(${table}, 'id'), max(id)) from ${sql.table(table)}`;
    await transaction.execute('seed', query.compile(dialects.postgres.build));
  }
}

/** VACUUM as well on PostgreSQL, as autovacuum would: without the visibility map there are no index-only scans. */
async function collectStatistics(database: Database): Promise<void> {
  if (database.engine === 'postgres') await database.execute('seed', CompiledQuery.raw('vacuum (analyze)'));
  else
    await database.transaction('seed-catalog', (transaction) =>
      transaction.execute('seed', CompiledQuery.raw('analyze')),
    );
}
