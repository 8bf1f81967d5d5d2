import { createHash } from 'node:crypto';

import { CompiledQuery } from 'kysely';
import { describe, expect, it } from 'vitest';

import { createCatalogRepository } from '../../src/database/catalog-repository.ts';
import { migrate } from '../../src/database/migrate.ts';
import { seedCatalog, type SeedOptions } from '../../src/database/seed/seed-catalog.ts';
import { type DatabaseUnderTest, engines, openDatabase } from './database-under-test.ts';

const relativeTo = new Date('2026-11-23T15:21:00.000Z');
const options: SeedOptions = { performances: 400, showtimesPerPerformance: 5, randomSeed: 42, relativeTo };
const dayMs = 86_400_000;

async function withSeeded<Result>(
  engine: 'sqlite' | 'postgres',
  changed: Partial<SeedOptions>,
  work: (under: DatabaseUnderTest) => Promise<Result>,
): Promise<Result> {
  const under = await openDatabase(engine);
  try {
    await migrate(under.database);
    await seedCatalog(under.database, { ...options, ...changed });
    return await work(under);
  } finally {
    await under.remove();
  }
}

const query = (under: DatabaseUnderTest, sql: string) =>
  under.database.execute<Record<string, unknown>>('ping', CompiledQuery.raw(sql));

/** Every row of every table, as one digest. */
async function digestOf(under: DatabaseUnderTest): Promise<string> {
  const hash = createHash('sha256');
  const orders = {
    venues: 'id',
    halls: 'id',
    hall_grades: 'hall_id, position',
    performances: 'id',
    prices: 'performance_id, position',
    showtimes: 'id',
  };
  for (const [table, order] of Object.entries(orders)) {
    for (const row of await query(under, `select * from ${table} order by ${order}`)) hash.update(JSON.stringify(row));
  }
  return hash.digest('hex');
}

describe('the seed', () => {
  it('gives the same rows for the same options in both engines, and others for another seed', async () => {
    const sqlite = await withSeeded('sqlite', {}, digestOf);
    expect(await withSeeded('postgres', {}, digestOf)).toBe(sqlite);
    expect(await withSeeded('sqlite', { randomSeed: 43 }, digestOf)).not.toBe(sqlite);
  });

  it.each(engines)(
    'fills every genre of every city alike, with nothing that changes within a day, on %s',
    async (engine) => {
      await withSeeded(engine, {}, async (under) => {
        const counts = await query(under, 'select table_name, rows from audit_catalog_counts');
        expect(Object.fromEntries(counts.map(({ table_name, rows }) => [table_name, rows]))).toEqual({
          venues: 40,
          halls: 160,
          hall_grades: 640,
          performances: 400,
          prices: 1_600,
          showtimes: 2_000,
        });
        const pages = await query(
          under,
          `select genre, city, count(distinct performances.id) as performances from performances
           join showtimes on showtimes.performance_id = performances.id
           join halls on halls.id = hall_id join venues on venues.id = venue_id group by genre, city`,
        );
        expect(pages.map(({ performances }) => performances)).toEqual(Array.from({ length: 40 }, () => 10));
        const offsets = (await query(under, 'select starts_at from showtimes')).map(
          ({ starts_at }) => Date.parse(String(starts_at)) - relativeTo.getTime(),
        );
        expect(offsets.filter((offset) => offset < 0).length).toBeGreaterThan(100);
        expect(offsets.filter((offset) => offset >= 0 && offset < dayMs)).toEqual([]);
        const introductions = await query(under, 'select length(introduction) as characters from performances');
        const characters = introductions.map((row) => Number(row['characters']));
        expect(Math.min(...characters)).toBeGreaterThanOrEqual(400);
        expect(Math.max(...characters)).toBeLessThanOrEqual(800);
        const halls = await query(under, 'select min(seats) as least, max(seats) as most from halls');
        expect(Number(halls[0]?.['least'])).toBeGreaterThanOrEqual(200);
        expect(Number(halls[0]?.['most'])).toBeLessThanOrEqual(5_000);
      });
    },
  );

  it.each(engines)('leaves ids behind its own to the next writer, on %s', async (engine) => {
    await withSeeded(engine, {}, async ({ database }) => {
      const catalog = createCatalogRepository(database);
      expect((await catalog.insertVenue({ name: 'New', city: 'Seoul' })).id).toBe(41);
      expect(
        (await catalog.insertShowtime({ performanceId: 1, hallId: 1, startsAt: '2027-01-01T00:00:00.000Z' })).showtime
          .id,
      ).toBe(2_001);
    });
  });

  it.each(engines)('refuses a catalogue with something in it, and changes nothing, on %s', async (engine) => {
    await withSeeded(engine, { performances: 8 }, async (under) => {
      const before = await digestOf(under);
      await expect(seedCatalog(under.database, options)).rejects.toThrow('seed an empty one, or drop this one first');
      expect(await digestOf(under)).toBe(before);
    });
  });

  it('keeps a future showtime for each performance when there is only one', async () => {
    await withSeeded('sqlite', { showtimesPerPerformance: 1, performances: 80 }, async (under) => {
      const [row] = await query(
        under,
        `select count(*) as n from showtimes where starts_at > '${relativeTo.toISOString()}'`,
      );
      expect(row).toEqual({ n: 80 });
    });
  });
});
