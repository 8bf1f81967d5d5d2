import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { addShowtime } from '../../src/catalog/add-showtime.ts';
import { changePerformance } from '../../src/catalog/change-performance.ts';
import { createPerformance } from '../../src/catalog/create-performance.ts';
import { decodeListCursor, encodeListCursor } from '../../src/catalog/list-cursor.ts';
import { listPerformances } from '../../src/catalog/list-performances.ts';
import { genres, type Performance, type PerformanceSummary } from '../../src/catalog/model.ts';
import { DomainError } from '../../src/domain-error.ts';
import type { PerformanceChanged } from '../../src/performance-cache/performance-cache.ts';

const carmen: Performance = {
  id: 7,
  title: 'Carmen',
  introduction: 'Opera in four acts.',
  genre: 'opera',
  period: { from: '2026-12-01', to: '2026-12-24' },
  prices: [{ grade: 'R', amount: 90_000 }],
};

/** Writes down the order in which things happen. */
function createJournal() {
  const journal: (string | PerformanceChanged)[] = [];
  const cache = {
    async invalidate(change: PerformanceChanged) {
      await Promise.resolve();
      journal.push(change);
    },
  };
  const committed = <Result>(result: Result): Promise<Result> => {
    journal.push('committed');
    return Promise.resolve(result);
  };
  return { journal, cache, committed };
}

async function refusalOf(work: Promise<unknown>): Promise<DomainError> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof DomainError) return error;
  throw new Error('no DomainError', { cause: error });
}

describe('the writers of performances', () => {
  it('invalidate the pages of both genres after the commit of a change', async () => {
    const { journal, cache, committed } = createJournal();
    const catalog = { updatePerformance: () => committed({ performance: carmen, previousGenre: 'musical' as const }) };
    expect(await changePerformance({ catalog, cache }, 7, { genre: 'opera' })).toEqual(carmen);
    expect(journal).toEqual(['committed', { performanceId: 7, genres: ['musical', 'opera'] }]);
  });

  it('name a genre once when it stays', async () => {
    const { journal, cache, committed } = createJournal();
    const catalog = { updatePerformance: () => committed({ performance: carmen, previousGenre: 'opera' as const }) };
    await changePerformance({ catalog, cache }, 7, { title: 'Carmen' });
    expect(journal.at(-1)).toEqual({ performanceId: 7, genres: ['opera'] });
  });

  it('void a stored absence when a performance is created, and the pages of its genre with its showtime', async () => {
    const { journal, cache, committed } = createJournal();
    const catalog = {
      insertPerformance: () => committed(carmen),
      insertShowtime: (showtime: { performanceId: number; hallId: number; startsAt: string }) =>
        committed({ showtime: { id: 1, ...showtime }, genre: 'opera' as const }),
    };
    await createPerformance({ catalog, cache }, carmen);
    const showtime = await addShowtime(
      { catalog, cache },
      { performanceId: 7, hallId: 1, startsAt: '2026-12-01T19:30:00+09:00' },
    );
    expect(showtime.startsAt).toBe('2026-12-01T10:30:00.000Z');
    expect(journal).toEqual([
      'committed',
      { performanceId: 7, genres: [] },
      'committed',
      { performanceId: 7, genres: ['opera'] },
    ]);
  });

  it('invalidate whatever may have changed when nobody knows whether a write was committed', async () => {
    const lost = new DomainError('database-unavailable', 'lost', { commit: 'unknown' });
    const { journal, cache } = createJournal();
    const catalog = { updatePerformance: () => Promise.reject(lost), insertShowtime: () => Promise.reject(lost) };
    await expect(changePerformance({ catalog, cache }, 7, { title: 'Carmen' })).rejects.toBe(lost);
    const showtime = { performanceId: 7, hallId: 1, startsAt: '2026-12-01T19:30:00Z' };
    await expect(addShowtime({ catalog, cache }, showtime)).rejects.toBe(lost);
    expect(journal).toEqual([
      { performanceId: 7, genres },
      { performanceId: 7, genres },
    ]);
  });

  it('invalidate nothing when the database was lost before the commit', async () => {
    const lost = new DomainError('database-unavailable', 'lost');
    const { journal, cache } = createJournal();
    const catalog = { updatePerformance: () => Promise.reject(lost) };
    await expect(changePerformance({ catalog, cache }, 7, { title: 'Carmen' })).rejects.toBe(lost);
    expect(journal).toEqual([]);
  });

  it('invalidate nothing when nothing was written', async () => {
    const { journal, cache } = createJournal();
    const catalog = { updatePerformance: () => Promise.resolve(undefined) };
    expect((await refusalOf(changePerformance({ catalog, cache }, 8, { title: 'x' }))).code).toBe(
      'performance-not-found',
    );
    expect(journal).toEqual([]);
  });

  it.each([
    [
      '/period/to',
      { period: { from: '2026-12-02', to: '2026-12-01' } },
      'not before /period/from, 2026-12-02, got "2026-12-01"',
    ],
    ['/period/from', { period: { from: '2026-02-30', to: '2026-12-01' } }, 'got "2026-02-30"'],
    [
      '/prices/1/grade',
      {
        prices: [
          { grade: 'R', amount: 1 },
          { grade: 'R', amount: 2 },
        ],
      },
      'no other price, got "R"',
    ],
    ['/prices/0/amount', { prices: [{ grade: 'R', amount: -1 }] }, 'got -1'],
    ['/prices/0/amount', { prices: [{ grade: 'R', amount: 0.5 }] }, 'got 0.5'],
  ])('refuse a wrong %s before they write: %j', async (pointer, change, message) => {
    const { journal, cache, committed } = createJournal();
    const catalog = { updatePerformance: () => committed(undefined) };
    const refusal = await refusalOf(changePerformance({ catalog, cache }, 7, change));
    expect(refusal).toMatchObject({ code: 'invalid-request', facts: { errors: [{ in: 'body', pointer }] } });
    expect(refusal.message).toContain(message);
    expect(journal).toEqual([]);
  });

  it('refuse an instant that is none', async () => {
    const { cache } = createJournal();
    const catalog = { insertShowtime: () => Promise.reject(new Error('unreachable')) };
    const refusal = await refusalOf(
      addShowtime({ catalog, cache }, { performanceId: 1, hallId: 1, startsAt: 'tonight' }),
    );
    expect(refusal.message).toBe(
      'body /startsAt must be an instant of the years 1 to 9999, such as 2026-11-23T19:30:00.000Z, got "tonight"',
    );
  });
});

describe('listPerformances', () => {
  const summaries = [1, 2, 3].map((id): PerformanceSummary => ({
    id,
    title: 'Carmen',
    genre: 'opera',
    venue: 'Opera House',
    city: 'Seoul',
    nextShowtime: { id, startsAt: '2026-12-01T10:00:00.000Z' },
    cheapestPrice: null,
    seatsByGrade: [],
  }));
  const now = () => new Date('2026-11-23T00:00:00.000Z');

  it('has a cursor behind its last performance when there are more, and none on the last page', async () => {
    const catalog = { listPerformances: ({ limit }: { limit: number }) => Promise.resolve(summaries.slice(0, limit)) };
    const page = await listPerformances({ catalog, now }, { limit: 2 });
    expect(page.performances.map(({ id }) => id)).toEqual([1, 2]);
    expect(decodeListCursor(page.nextCursor ?? '')).toEqual({ startsAt: '2026-12-01T10:00:00.000Z', performanceId: 2 });
    expect(await listPerformances({ catalog, now }, { limit: 3 })).toEqual({ performances: summaries });
  });
});

describe('the list cursor', () => {
  it('leads back to the position that it was made from', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true }),
        fc.maxSafeNat(),
        (date, performanceId) => {
          const position = { startsAt: date.toISOString(), performanceId };
          expect(decodeListCursor(encodeListCursor(position))).toEqual(position);
        },
      ),
    );
  });

  it('refuses, with invalid-request and its name, everything else', () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const wrong = [
      '',
      'x',
      'null',
      encode(null),
      encode([1, 1]),
      encode(['2026-12-01T10:00:00.000Z', '1']),
      encode(['2026-12-01', 1]),
    ];
    for (const cursor of [...wrong, encode(['+020000-01-01T00:00:00.000Z', 1]), 'a'.repeat(5_000)]) {
      expect(() => decodeListCursor(cursor)).toThrow(
        expect.objectContaining({
          code: 'invalid-request',
          facts: { errors: [expect.objectContaining({ in: 'query', pointer: '/cursor' })] },
        }),
      );
    }
    fc.assert(
      fc.property(fc.string(), (cursor) => {
        expect(() => decodeListCursor(cursor)).toThrow(DomainError);
      }),
    );
  });
});
