import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  bodyOf,
  createPostgresDatabase,
  hamlet,
  seatingPlan,
  type ServiceUnderTest,
  startService,
} from './service-under-test.ts';

interface Seat {
  readonly id: number;
  readonly floor: string;
  readonly section: string;
  readonly row: number;
  readonly number: number;
  readonly grade: string;
  readonly amount?: number | null;
}

interface Page {
  readonly items: readonly Seat[];
  readonly nextCursor?: string;
}

describe.each(['sqlite', 'postgres'] as const)('seats over HTTP on %s', (engine) => {
  let service: ServiceUnderTest;
  let hall: number;
  let showtime: number;
  beforeAll(async () => {
    service = await startService(engine === 'sqlite' ? {} : { DATABASE_URL: await createPostgresDatabase() });
    const id = async (path: string, body: unknown) =>
      (await bodyOf<{ readonly id: number }>(await service.send('POST', path, body))).id;
    const venue = await id('/venues', { name: 'Blue Square', city: 'Seoul' });
    hall = await id(`/venues/${venue}/halls`, { name: 'Main hall', seatingPlan });
    const performance = await id('/performances', { ...hamlet, prices: [{ grade: 'VIP', amount: 120_000 }] });
    showtime = await id(`/performances/${performance}/showtimes`, { hallId: hall, startsAt: '2999-01-01T00:00:00Z' });
  });
  afterAll(() => service.stop());

  const read = (path: string, headers = {}) => service.send('GET', path, undefined, headers);
  const page = async (path: string) => bodyOf<Page>(await read(path));

  async function create(path: string): Promise<void> {
    const location = (await service.send('POST', path)).headers.get('Location') ?? '';
    const state = async () => (await bodyOf<{ readonly state: string }>(await read(location))).state;
    await expect.poll(state, { timeout: 10_000, interval: 20 }).toBe('done');
  }

  it('are an empty list until they have been created', async () => {
    for (const path of [`/halls/${hall}/seats`, `/showtimes/${showtime}/seats`]) {
      const answer = await read(path);
      expect([answer.status, await answer.json()]).toEqual([200, { items: [] }]);
    }
  });

  it('come page by page, in the order of the plan, each once, with the price of their grade', async () => {
    await create(`/halls/${hall}/seats`);
    await create(`/showtimes/${showtime}/seats`);
    const all = new Map<string, readonly Seat[]>();
    for (const path of [`/halls/${hall}/seats`, `/showtimes/${showtime}/seats`]) {
      const pages = [await page(`${path}?limit=150`)];
      for (let cursor = pages[0]?.nextCursor; cursor !== undefined; cursor = pages.at(-1)?.nextCursor) {
        pages.push(await page(`${path}?limit=150&cursor=${cursor}`));
      }
      expect(pages.map(({ items }) => items.length)).toEqual([150, 150, 150, 50]);
      // A page that is exactly the rest is the last one.
      expect(await page(`${path}?limit=500`)).toEqual({ items: pages.flatMap(({ items }) => items) });
      expect((await page(path)).items).toHaveLength(100);
      all.set(
        path,
        pages.flatMap(({ items }) => items),
      );
    }
    const seats = all.get(`/halls/${hall}/seats`) ?? [];
    const plan = (section: string, grade: string, rows: number[], numbers: number) =>
      rows.flatMap((row) =>
        Array.from({ length: numbers }, (_, index) => ({ floor: '1F', section, row, number: index + 1, grade })),
      );
    const ten = Array.from({ length: 10 }, (_, index) => index + 1);
    expect(seats.map(({ id: _id, ...seat }) => seat)).toEqual([
      ...plan('A', 'VIP', ten, 20),
      ...plan(
        'B',
        'R',
        ten.map((row) => row + 10),
        30,
      ),
    ]);
    const priced = seats.map((seat) => ({ ...seat, amount: seat.grade === 'VIP' ? 120_000 : null }));
    expect(all.get(`/showtimes/${showtime}/seats`)).toEqual(priced);
  });

  it('revalidate with ETag', async () => {
    const first = await read(`/halls/${hall}/seats?limit=1`);
    const again = await read(`/halls/${hall}/seats?limit=1`, { 'If-None-Match': first.headers.get('ETag') ?? '' });
    expect([first.status, again.status]).toEqual([200, 304]);
  });

  it('are 404 of what is not there, and 422 for a cursor or a limit that is none', async () => {
    for (const [path, status, code] of [
      [`/halls/${Number.MAX_SAFE_INTEGER}/seats`, 404, 'hall-not-found'],
      [`/showtimes/${Number.MAX_SAFE_INTEGER}/seats`, 404, 'showtime-not-found'],
      ['/showtimes/x/seats', 404, 'showtime-not-found'],
      [`/halls/${hall}/seats?cursor=abc`, 422, 'invalid-request'],
      [`/halls/${hall}/seats?cursor=0`, 422, 'invalid-request'],
      [`/halls/${hall}/seats?limit=1001`, 422, 'invalid-request'],
    ] as const) {
      const answer = await read(path);
      expect([path, answer.status, await answer.json()]).toEqual([path, status, expect.objectContaining({ code })]);
    }
    // Behind the last seat there is nothing, which is no mistake.
    expect(await page(`/halls/${hall}/seats?cursor=999999999`)).toEqual({ items: [] });
  });
});
