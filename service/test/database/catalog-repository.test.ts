import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { CatalogRepository } from '../../src/catalog/catalog-repository.ts';
import { decodeListCursor } from '../../src/catalog/list-cursor.ts';
import { listPerformances } from '../../src/catalog/list-performances.ts';
import type { Genre, Hall, Performance, SeatingPlan } from '../../src/catalog/model.ts';
import { countSeats } from '../../src/catalog/seating-plan.ts';
import { createCatalogRepository } from '../../src/database/catalog-repository.ts';
import { migrate } from '../../src/database/migrate.ts';
import { type DatabaseUnderTest, engines, openDatabase } from './database-under-test.ts';

const now = '2026-11-23T08:00:00.000Z';
const seatingPlan: SeatingPlan = {
  floors: [
    {
      name: '1F',
      sections: [
        { name: 'A', grade: 'VIP', blocks: [{ rows: { from: 1, to: 2 }, seats: { from: 1, to: 10 } }] },
        { name: 'B', grade: 'A', blocks: [{ rows: { from: 3, to: 9 }, seats: { from: 1, to: 10 } }] },
      ],
    },
  ],
};
const hamlet: Omit<Performance, 'id'> = {
  title: 'Hamlet — 햄릿',
  introduction: `A play's "first" line;\nand its second: 100 %`,
  genre: 'play',
  period: { from: '2026-12-01', to: '2027-02-28' },
  prices: [
    { grade: 'VIP', amount: 5_000_000_000 },
    { grade: 'A', amount: 40_000 },
  ],
};

describe.each(engines)('the catalogue on %s', (engine) => {
  let under: DatabaseUnderTest;
  let catalog: CatalogRepository;
  const hallIn = async (city: string): Promise<Hall> => {
    const { id: venueId } = await catalog.insertVenue({ name: `${city} Theater`, city });
    return catalog.insertHall({ venueId, name: 'Studio', seatingPlan, ...countSeats(seatingPlan) });
  };
  const performanceOf = (genre: Genre, title = 'Hamlet') => catalog.insertPerformance({ ...hamlet, genre, title });
  const show = async (performanceId: number, hallId: number, startsAt: string) =>
    (await catalog.insertShowtime({ performanceId, hallId, startsAt })).showtime;

  beforeAll(async () => {
    under = await openDatabase(engine);
    await migrate(under.database);
    catalog = createCatalogRepository(under.database);
  });
  afterAll(() => under.remove());

  it('gives back what was put in: venue, hall with its plan and grades in the order of the plan, performance', async () => {
    const venue = await catalog.insertVenue({ name: "King's Theater", city: 'Mokpo' });
    expect(await catalog.findVenue(venue.id)).toEqual({ id: venue.id, name: "King's Theater", city: 'Mokpo' });

    const hall = await catalog.insertHall({
      venueId: venue.id,
      name: 'Studio',
      seatingPlan,
      ...countSeats(seatingPlan),
    });
    expect(hall.seats).toBe(90);
    expect(hall.seatsByGrade).toEqual([
      { grade: 'VIP', seats: 20 },
      { grade: 'A', seats: 70 },
    ]);
    expect(await catalog.findHall(hall.id)).toEqual(hall);

    const performance = await catalog.insertPerformance(hamlet);
    expect(performance).toEqual({ id: performance.id, ...hamlet });
    expect(await catalog.findPerformance(performance.id)).toEqual({ ...performance, showtimes: [] });
  });

  it('shows the showtimes of a performance in their order, with hall, venue and city', async () => {
    const hall = await hallIn('Gwangju');
    const { id } = await performanceOf('dance');
    const second = await show(id, hall.id, '2026-12-02T10:00:00.000Z');
    const first = await show(id, hall.id, '2026-12-01T10:30:00.250Z');
    const place = { hall: 'Studio', venue: 'Gwangju Theater', city: 'Gwangju' };
    expect((await catalog.findPerformance(id))?.showtimes).toEqual([
      { ...first, ...place },
      { ...second, ...place },
    ]);
  });

  it.each([0, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, Number.NaN, Number.POSITIVE_INFINITY])(
    'knows nothing with the id %d',
    async (id) => {
      expect(await catalog.findVenue(id)).toBeUndefined();
      expect(await catalog.findHall(id)).toBeUndefined();
      expect(await catalog.findPerformance(id)).toBeUndefined();
      expect(await catalog.updatePerformance(id, { title: 'x' })).toBeUndefined();
      await expect(
        catalog.insertHall({ venueId: id, name: 'x', seatingPlan, ...countSeats(seatingPlan) }),
      ).rejects.toMatchObject({ code: 'venue-not-found' });
      await expect(catalog.insertShowtime({ performanceId: id, hallId: 1, startsAt: now })).rejects.toMatchObject({
        code: 'performance-not-found',
      });
      const { id: performanceId } = await performanceOf('family');
      await expect(catalog.insertShowtime({ performanceId, hallId: id, startsAt: now })).rejects.toMatchObject({
        code: 'hall-not-found',
      });
    },
  );

  it('changes what it is told to, keeps the rest, and answers with the genre from before', async () => {
    const { id } = await catalog.insertPerformance(hamlet);
    expect(await catalog.updatePerformance(id, { title: 'Macbeth', genre: 'opera' })).toEqual({
      performance: { id, ...hamlet, title: 'Macbeth', genre: 'opera' },
      previousGenre: 'play',
    });
    const prices = [{ grade: 'S', amount: 1 }];
    const period = { from: '2027-01-01', to: '2027-01-01' };
    expect((await catalog.updatePerformance(id, { prices, period }))?.previousGenre).toBe('opera');
    const changed = { id, ...hamlet, title: 'Macbeth', genre: 'opera', prices, period, showtimes: [] };
    expect(await catalog.findPerformance(id)).toEqual(changed);
    expect((await catalog.updatePerformance(id, { prices: [] }))?.performance.prices).toEqual([]);
    expect((await catalog.updatePerformance(id, {}))?.performance).toMatchObject({ title: 'Macbeth', prices: [] });
  });

  it('chains previous genres when the same performance is changed by many at once', async () => {
    const { id } = await performanceOf('play');
    const genres: Genre[] = ['opera', 'dance', 'concert', 'family', 'classical', 'exhibition', 'musical'];
    const changes = await Promise.all(genres.map((genre) => catalog.updatePerformance(id, { genre })));
    const previous = changes.map((change) => change?.previousGenre);
    const last = (await catalog.findPerformance(id))?.genre;
    // Each genre but the last is what exactly one later change found.
    expect(new Set(previous)).toEqual(new Set([...genres, 'play'].filter((genre) => genre !== last)));
  });

  it('lists by the next showtime in that city: past ones and other cities do not count', async () => {
    const [here, there] = [await hallIn('Suwon'), await hallIn('Jeju')];
    const early = await performanceOf('concert', 'early');
    const late = await performanceOf('concert', 'late');
    const over = await performanceOf('concert', 'over');
    const other = await performanceOf('play', 'other genre');
    await show(late.id, here.id, '2026-11-23T07:59:59.999Z');
    await show(late.id, there.id, '2026-11-24T10:00:00.000Z');
    const next = await show(late.id, here.id, '2026-12-20T10:00:00.000Z');
    await show(early.id, here.id, '2026-12-20T10:00:00.000Z');
    const earliest = await show(early.id, here.id, '2026-12-10T10:00:00.000Z');
    await show(early.id, here.id, '2026-12-10T10:00:00.000Z');
    await show(over.id, here.id, '2026-11-01T10:00:00.000Z');
    await show(other.id, here.id, '2026-12-01T10:00:00.000Z');

    const page = await catalog.listPerformances({ genre: 'concert', city: 'Suwon', limit: 20, now });
    const shared = {
      genre: 'concert',
      venue: 'Suwon Theater',
      city: 'Suwon',
      cheapestPrice: 40_000,
      seatsByGrade: here.seatsByGrade,
    };
    expect(page).toEqual([
      { id: early.id, title: 'early', nextShowtime: { id: earliest.id, startsAt: earliest.startsAt }, ...shared },
      { id: late.id, title: 'late', nextShowtime: { id: next.id, startsAt: next.startsAt }, ...shared },
    ]);
    const titles = async (request: { genre?: Genre; city?: string }) =>
      (await catalog.listPerformances({ ...request, limit: 100, now })).map(({ title }) => title);
    expect(await titles({ city: 'Suwon' })).toEqual(['other genre', 'early', 'late']);
    expect(await titles({ city: 'Jeju' })).toEqual(['late']);
    expect(await titles({ genre: 'concert' })).toEqual(['late', 'early']);
    expect(await titles({ city: 'Atlantis' })).toEqual([]);
  });

  it('counts a showtime that begins at this very moment as next, and lists a performance without prices', async () => {
    const hall = await hallIn('Ulsan');
    const { id } = await catalog.insertPerformance({ ...hamlet, prices: [] });
    await show(id, hall.id, now);
    const [only] = await catalog.listPerformances({ city: 'Ulsan', limit: 20, now });
    expect(only).toMatchObject({ id, cheapestPrice: null, nextShowtime: { startsAt: now } });
  });

  it('walks by cursor over each performance exactly once, also where many begin at the same time', async () => {
    const hall = await hallIn('Pohang');
    const ids: number[] = [];
    for (let index = 0; index < 23; index += 1) {
      const { id } = await performanceOf('classical');
      ids.push(id);
      await show(id, hall.id, `2026-12-0${(index % 3) + 1}T10:00:00.000Z`);
      await show(id, hall.id, '2026-12-24T10:00:00.000Z');
    }
    const walked: number[] = [];
    const positions: [string, number][] = [];
    let cursor: string | undefined;
    do {
      const after = cursor === undefined ? undefined : decodeListCursor(cursor);
      const page = await listPerformances({ catalog, now: () => new Date(now) }, { city: 'Pohang', limit: 4, after });
      walked.push(...page.performances.map(({ id }) => id));
      positions.push(...page.performances.map(({ id, nextShowtime }): [string, number] => [nextShowtime.startsAt, id]));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(walked.toSorted((a, b) => a - b)).toEqual(ids);
    expect(positions).toEqual(positions.toSorted(([a, x], [b, y]) => a.localeCompare(b) || x - y));
  });
});
