import type { CatalogRepository } from '../catalog/catalog-repository.ts';
import type { SeatingPlan } from '../catalog/model.ts';
import { hallNotFound, performanceNotFound, venueNotFound } from '../catalog/not-found.ts';
import type { Database, QueryExecutor } from './database.ts';
import { type Dialect, dialects } from './dialect.ts';
import { detailOf, findPerformanceQuery } from './find-performance-query.ts';
import { listPerformancesQuery, seatsByGradeOf, summaryOf } from './list-performances-query.ts';
import { onlyId } from './only-id.ts';
import { insertPerformance, lockPerformance, updatePerformance } from './write-performance.ts';

/** The catalogue in SQL, for both engines. Each write is one transaction. */
export function createCatalogRepository(database: Database): CatalogRepository {
  const dialect = dialects[database.engine];
  const { build } = dialect;

  return {
    insertVenue: ({ name, city }) =>
      database.transaction('create-venue', async (transaction) => {
        const query = build.insertInto('venues').values({ name, city }).returning('id');
        return { id: onlyId(await transaction.execute('insert-venue', query.compile())), name, city };
      }),

    async findVenue(id) {
      if (!isId(id)) return undefined;
      const [venue] = await database.execute(
        'find-venue',
        build.selectFrom('venues').select(['id', 'name', 'city']).where('id', '=', id).compile(),
      );
      return venue;
    },

    insertHall: ({ venueId, name, seatingPlan, seats, seatsByGrade }) =>
      database.transaction('create-hall', async (transaction) => {
        if (!(await exists(transaction, dialect, 'venues', venueId))) throw venueNotFound(venueId);
        const seating_plan = JSON.stringify(seatingPlan);
        const hall = build.insertInto('halls').values({ venue_id: venueId, name, seating_plan, seats }).returning('id');
        const id = onlyId(await transaction.execute('insert-hall', hall.compile()));
        const grades = seatsByGrade.map((grade, position) => ({ hall_id: id, ...grade, position }));
        await transaction.execute('insert-hall-grades', build.insertInto('hall_grades').values(grades).compile());
        return { id, venueId, name, seatingPlan, seats, seatsByGrade };
      }),

    async findHall(id) {
      if (!isId(id)) return undefined;
      const [hall] = await database.execute('find-hall', findHallQuery(dialect, id));
      if (hall === undefined) return undefined;
      const seatingPlan: SeatingPlan = JSON.parse(hall.seating_plan);
      return {
        id,
        venueId: hall.venue_id,
        name: hall.name,
        seatingPlan,
        seats: hall.seats,
        seatsByGrade: seatsByGradeOf(hall.grades),
      };
    },

    insertPerformance: (performance) =>
      database.transaction('create-performance', (transaction) => insertPerformance(transaction, dialect, performance)),

    async updatePerformance(id, change) {
      if (!isId(id)) return undefined;
      return database.transaction('change-performance', (transaction) =>
        updatePerformance(transaction, dialect, { id, change }),
      );
    },

    async findPerformance(id) {
      if (!isId(id)) return undefined;
      const [row] = await database.execute('find-performance', findPerformanceQuery(dialect, id));
      return row === undefined ? undefined : detailOf(row);
    },

    async listPerformances(request) {
      return (await database.execute('list-performances', listPerformancesQuery(dialect, request))).map(summaryOf);
    },

    insertShowtime: (showtime) =>
      database.transaction('add-showtime', async (transaction) => {
        const { performanceId, hallId, startsAt } = showtime;
        // Shared: a change of genre waits, so that the genre answered here is the one to invalidate.
        const performance = isId(performanceId)
          ? await lockPerformance(transaction, dialect, { id: performanceId, strength: 'share' })
          : undefined;
        if (performance === undefined) throw performanceNotFound(performanceId);
        if (!(await exists(transaction, dialect, 'halls', hallId))) throw hallNotFound(hallId);
        const row = { performance_id: performanceId, hall_id: hallId, starts_at: startsAt };
        const query = build.insertInto('showtimes').values(row).returning('id').compile();
        const id = onlyId(await transaction.execute('insert-showtime', query));
        return { showtime: { id, performanceId, hallId, startsAt }, genre: performance.genre };
      }),
  };
}

function findHallQuery({ build, jsonArrayFrom }: Dialect, id: number) {
  return build
    .selectFrom('halls')
    .where('halls.id', '=', id)
    .select(['venue_id', 'name', 'seating_plan', 'seats'])
    .select((columns) =>
      jsonArrayFrom(
        columns
          .selectFrom('hall_grades')
          .whereRef('hall_grades.hall_id', '=', 'halls.id')
          .select(['hall_grades.grade', 'hall_grades.seats', 'hall_grades.position']),
      )
        .$castTo<string>()
        .as('grades'),
    )
    .compile();
}

async function exists(
  transaction: QueryExecutor,
  { build }: Dialect,
  table: 'venues' | 'halls',
  id: number,
): Promise<boolean> {
  if (!isId(id)) return false;
  const query = build.selectFrom(table).select('id').where('id', '=', id).compile();
  return (await transaction.execute(table === 'venues' ? 'check-venue' : 'check-hall', query)).length > 0;
}

/** Any other number is the id of nothing, and would not fit the column. */
function isId(id: number): boolean {
  return Number.isSafeInteger(id) && id > 0;
}
