import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  bodyOf,
  createPostgresDatabase,
  hamlet,
  seatingPlan,
  type ServiceUnderTest,
  startService,
} from './service-under-test.ts';

const biggestId = Number.MAX_SAFE_INTEGER;

describe.each(['sqlite', 'postgres'] as const)('the API on %s', (engine) => {
  let service: ServiceUnderTest;
  beforeAll(async () => {
    const now = () => new Date('2026-11-23T00:00:00.000Z');
    service = await startService(engine === 'sqlite' ? {} : { DATABASE_URL: await createPostgresDatabase() }, { now });
  });
  afterAll(() => service.stop());

  async function created(path: string, body: unknown): Promise<{ readonly id: number } & Record<string, unknown>> {
    const response = await service.send('POST', path, body);
    expect(response.status).toBe(201);
    return bodyOf(response);
  }

  async function createShow(city: string, startsAt: string) {
    const venue = await created('/venues', { name: 'Charlotte Theater', city });
    const hall = await created(`/venues/${venue.id}/halls`, { name: 'Main hall', seatingPlan });
    const performance = await created('/performances', hamlet);
    await created(`/performances/${performance.id}/showtimes`, { hallId: hall.id, startsAt });
    return { venue, hall, performance };
  }

  it('creates a venue and shows it at its Location', async () => {
    const response = await service.send('POST', '/venues', { name: 'Blue Square', city: 'Seoul' });
    expect(response.status).toBe(201);
    const venue: unknown = await response.json();
    const read = await service.send('GET', response.headers.get('location') ?? '');
    expect(read.status).toBe(200);
    expect(await read.json()).toEqual(venue);
  });

  it('creates a hall, counts its seats and shows it at its Location', async () => {
    const venue = await created('/venues', { name: 'Arts Center', city: 'Seoul' });
    const response = await service.send('POST', `/venues/${venue.id}/halls`, { name: 'Opera', seatingPlan });
    expect(response.status).toBe(201);
    const hall: unknown = await response.json();
    expect(hall).toMatchObject({
      venueId: venue.id,
      seatingPlan,
      seats: 500,
      seatsByGrade: [
        { grade: 'VIP', seats: 200 },
        { grade: 'R', seats: 300 },
      ],
    });
    const read = await service.send('GET', response.headers.get('location') ?? '');
    expect(await read.json()).toEqual(hall);
  });

  it('lists a performance once it has a showtime, with what the main page needs', async () => {
    const { venue, performance } = await createShow('Busan', '2027-01-01T19:30:00+09:00');
    const page = await service.send('GET', '/performances?genre=play&city=Busan');
    expect(page.status).toBe(200);
    expect(await page.json()).toEqual({
      items: [
        {
          id: performance.id,
          title: 'Hamlet',
          genre: 'play',
          venue: venue['name'],
          city: 'Busan',
          nextShowtime: { id: expect.any(Number), startsAt: '2027-01-01T10:30:00.000Z' },
          cheapestPrice: 80_000,
          seatsByGrade: expect.arrayContaining([{ grade: 'VIP', seats: 200 }]),
        },
      ],
    });
    const detail = await service.send('GET', `/performances/${performance.id}`);
    expect(await detail.json()).toMatchObject({ ...hamlet, showtimes: [{ city: 'Busan', hall: 'Main hall' }] });
  });

  it('walks the pages by their cursors, each performance once', async () => {
    const ids: number[] = [];
    for (const day of ['04', '02', '03']) {
      const { performance } = await createShow('Daegu', `2027-02-${day}T10:00:00Z`);
      ids.push(performance.id);
    }
    const seen: number[] = [];
    let path = '/performances?city=Daegu&limit=2';
    for (let pages = 0; pages < 3; pages++) {
      const response = await service.send('GET', path);
      const page = await bodyOf<{ items: { id: number }[]; nextCursor?: string }>(response);
      seen.push(...page.items.map(({ id }) => id));
      if (page.nextCursor === undefined) break;
      path = `/performances?city=Daegu&limit=2&cursor=${page.nextCursor}`;
    }
    expect(seen).toEqual([ids[1], ids[2], ids[0]]);
  });

  it.each(['application/json', 'application/merge-patch+json'])('changes the given fields (%s)', async (mediaType) => {
    const { id } = await created('/performances', hamlet);
    const changed = await service.send(
      'PATCH',
      `/performances/${id}`,
      { title: 'Lear' },
      { 'Content-Type': mediaType },
    );
    expect(changed.status).toBe(200);
    expect(await changed.json()).toEqual({ id, ...hamlet, title: 'Lear' });
    const read = await service.send('GET', `/performances/${id}`);
    expect(await read.json()).toMatchObject({ ...hamlet, title: 'Lear' });
  });

  it.each(['/venues/1', '/halls/1', '/performances/1', '/performances?city=Busan', '/openapi.json'])(
    'answers 304 to the ETag of %s, and the bytes to another',
    async (path) => {
      const first = await service.send('GET', path);
      const etag = first.headers.get('etag') ?? '';
      expect(etag).toMatch(/^"[\w-]+"$/);
      const same = await service.send('GET', path, undefined, { 'If-None-Match': `"x", W/${etag}` });
      expect(same.status).toBe(304);
      expect(same.headers.get('etag')).toBe(etag);
      expect(await same.text()).toBe('');
      const other = await service.send('GET', path, undefined, { 'If-None-Match': '"x"' });
      expect(other.status).toBe(200);
      expect(await other.text()).toBe(await first.text());
    },
  );

  it('answers HEAD like GET, without the body', async () => {
    const get = await service.send('GET', '/performances/1');
    const head = await service.send('HEAD', '/performances/1');
    expect(head.status).toBe(200);
    expect(head.headers.get('etag')).toBe(get.headers.get('etag'));
    expect(head.headers.get('content-length')).toBe(String((await get.arrayBuffer()).byteLength));
    expect(await head.text()).toBe('');
  });

  it('says that the cache is off', async () => {
    const response = await service.send('GET', '/performances/1');
    expect(response.headers.get('cache-status')).toBe('ticketing; fwd=bypass');
    expect(response.headers.get('age')).toBeNull();
  });

  it.each([
    ['GET', '/venues/999999', 'venue-not-found'],
    ['GET', `/venues/${biggestId}`, 'venue-not-found'],
    ['GET', '/venues/9007199254740992', 'venue-not-found'],
    ['GET', '/venues/0', 'venue-not-found'],
    ['GET', '/halls/one', 'hall-not-found'],
    ['GET', `/halls/${biggestId}`, 'hall-not-found'],
    ['GET', '/performances/01', 'performance-not-found'],
    ['GET', '/performances/-1', 'performance-not-found'],
    ['GET', `/performances/${biggestId}`, 'performance-not-found'],
  ])('%s %s is 404 %s', async (method, path, code) => {
    const response = await service.send(method, path);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ status: 404, code });
  });

  it.each([
    [
      'a hall of a venue that is not there',
      'POST',
      `/venues/${biggestId}/halls`,
      { name: 'H', seatingPlan },
      'venue-not-found',
    ],
    [
      'a change of a performance that is not there',
      'PATCH',
      `/performances/${biggestId}`,
      { title: 'X' },
      'performance-not-found',
    ],
    [
      'a showtime of a performance that is not there',
      'POST',
      `/performances/${biggestId}/showtimes`,
      { hallId: 1, startsAt: '2027-01-01T00:00:00Z' },
      'performance-not-found',
    ],
    [
      'a showtime in a hall that is not there',
      'POST',
      '/performances/1/showtimes',
      { hallId: biggestId, startsAt: '2027-01-01T00:00:00Z' },
      'hall-not-found',
    ],
  ])('refuses %s', async (_name, method, path, body, code) => {
    const response = await service.send(method, path, body);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code });
  });

  it('refuses a seating plan that contradicts itself', async () => {
    const [floor] = seatingPlan.floors;
    const [section] = floor?.sections ?? [];
    const twice = {
      floors: [
        { name: '1F', sections: [{ ...section, blocks: [...(section?.blocks ?? []), ...(section?.blocks ?? [])] }] },
      ],
    };
    const response = await service.send('POST', '/venues/1/halls', { name: 'H', seatingPlan: twice });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: 'invalid-seating-plan' });
  });

  it.each([
    ['a genre that is none', '/performances?genre=opra', '/genre', 'opra', /^one of musical, /],
    ['a limit of 0', '/performances?limit=0', '/limit', '0', /from 1 to 100$/],
    ['a limit of 101', '/performances?limit=101', '/limit', '101', /from 1 to 100$/],
    ['a limit in another notation', '/performances?limit=1e1', '/limit', '1e1', /from 1 to 100$/],
    [
      'an unknown parameter',
      '/performances?page=2',
      '/page',
      undefined,
      /^absent: there are genre, city, cursor, limit$/,
    ],
    ['a parameter given twice', '/performances?city=a&city=b', '/city', undefined, /^of type string$/],
    ['a city with a NUL', '/performances?city=%00', '/city', '\0', /without control characters$/],
    ['a parameter where there are none', '/venues/1?x=1', '/x', undefined, /^absent$/],
  ])('refuses %s and names it', async (_name, path, pointer, value, expected) => {
    const response = await service.send('GET', path);
    expect(response.status).toBe(422);
    const { code, errors } = await bodyOf<{ code: string; errors: unknown }>(response);
    expect(code).toBe('invalid-request');
    expect(errors).toEqual([
      {
        in: 'query',
        pointer,
        ...(value !== undefined && { value }),
        expected: expect.stringMatching(expected),
      },
    ]);
  });

  it('refuses a cursor that is none of ours', async () => {
    const response = await service.send('GET', '/performances?cursor=abc');
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      code: 'invalid-request',
      errors: [{ in: 'query', pointer: '/cursor', value: 'abc' }],
    });
  });

  it('names every value of a body that may not be as it is', async () => {
    const response = await service.send('POST', '/performances', {
      ...hamlet,
      title: '',
      genre: 'opra',
      period: { from: '2027-02-30' },
      prices: [{ grade: 'VIP', amount: 1.5 }],
      rating: 5,
    });
    expect(response.status).toBe(422);
    const { errors } = await bodyOf<{ errors: { pointer: string; value?: unknown }[] }>(response);
    expect(errors.map(({ pointer, value }) => [pointer, value])).toEqual([
      ['/title', ''],
      ['/genre', 'opra'],
      ['/period/from', '2027-02-30'],
      ['/period/to', undefined],
      ['/prices/0/amount', 1.5],
      ['/rating', undefined],
    ]);
  });

  it.each([
    ['nothing to change', 'PATCH', '/performances/1', {}],
    ['a field to remove', 'PATCH', '/performances/1', { title: null }],
    [
      'a period that ends before it begins',
      'PATCH',
      '/performances/1',
      { period: { from: '2027-02-01', to: '2027-01-01' } },
    ],
    [
      'two prices of one grade',
      'PATCH',
      '/performances/1',
      {
        prices: [
          { grade: 'R', amount: 1 },
          { grade: 'R', amount: 2 },
        ],
      },
    ],
    ['an array for an object', 'POST', '/venues', []],
    ['a local time', 'POST', '/performances/1/showtimes', { hallId: 1, startsAt: '2027-01-01T00:00:00' }],
    [
      'a year that SQL does not sort',
      'POST',
      '/performances/1/showtimes',
      { hallId: 1, startsAt: '0000-01-01T00:00:00Z' },
    ],
    ['half a surrogate pair', 'POST', '/venues', '{"name":"\\ud800","city":"Seoul"}'],
    ['a NUL', 'POST', '/venues', { name: 'a\0b', city: 'Seoul' }],
    ['a prototype', 'POST', '/venues', '{"name":"a","city":"b","__proto__":{"x":1}}'],
  ])('refuses %s with 422', async (_name, method, path, body) => {
    const response = await service.send(method, path, body);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: 'invalid-request', errors: [{ in: 'body' }] });
  });

  it('keeps text as it was sent, whatever the script', async () => {
    const name = `샤롯데씨어터 🎭 'x'; drop table venues; --`;
    const venue = await created('/venues', { name, city: 'Seoul' });
    const read = await service.send('GET', `/venues/${venue.id}`);
    expect(await read.json()).toMatchObject({ name });
  });

  it('says which commit and variant it is', async () => {
    const response = await service.send('GET', '/version');
    expect(await response.json()).toEqual({
      commit: 'commit-under-test',
      node: process.version,
      database: engine,
      performanceCache: 'off',
      seatCreation: 'async',
    });
  });
});
