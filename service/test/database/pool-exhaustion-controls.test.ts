import { afterEach, describe, expect, it } from 'vitest';

import { createCatalogRepository } from '../../src/database/catalog-repository.ts';
import { migrate } from '../../src/database/migrate.ts';
import { seedCatalog } from '../../src/database/seed/seed-catalog.ts';
import { type AnnouncedWhen, createAnnouncingCatalog } from '../controls/announcing-catalog.ts';
import { createNPlusOneCatalog } from '../controls/n-plus-one-catalog.ts';
import { type DatabaseUnderTest, openDatabase } from './database-under-test.ts';

const relativeTo = '2026-11-23T08:00:00.000Z';
const content = { performances: 60, showtimesPerPerformance: 3, randomSeed: 1, relativeTo: new Date(relativeTo) };

let under: DatabaseUnderTest;
afterEach(() => under.remove());

async function openCatalog(acquireTimeoutMs: number) {
  under = await openDatabase('postgres', { connections: 1, acquireTimeoutMs });
  await migrate(under.database);
  await seedCatalog(under.database, content);
  return createCatalogRepository(under.database);
}

describe('a main page by N + 1 queries', () => {
  it('is the same page, row by row, for 1 + 2 N statements instead of one', async () => {
    const catalog = await openCatalog(10_000);
    const wrong = createNPlusOneCatalog(under.database);
    const statements = async () =>
      (
        await Promise.all(
          ['list-performances', 'find-performance', 'find-hall'].map((query) =>
            under.metric(`database_query_seconds_count{query="${query}"}`),
          ),
        )
      ).reduce((sum, count) => sum + count, 0);
    const all = await catalog.listPerformances({ limit: 100, now: relativeTo });
    expect(all.length).toBeGreaterThan(40);
    const [first] = all;
    const requests = [
      { limit: 20 },
      { limit: 20, after: { startsAt: all[9]?.nextShowtime.startsAt ?? '', performanceId: all[9]?.id ?? 0 } },
      { limit: 20, genre: first?.genre },
      { limit: 20, city: first?.city },
      { limit: 20, genre: first?.genre, city: first?.city },
    ];
    for (const request of requests) {
      const right = await catalog.listPerformances({ ...request, now: relativeTo });
      const before = await statements();
      expect(await wrong.listPerformances({ ...request, now: relativeTo })).toEqual(right);
      expect((await statements()) - before).toBe(1 + 2 * right.length);
      expect(right.length).toBeGreaterThan(0);
    }
  });
});

describe('a partner that is told of a change', () => {
  /** A change whose announcement is under way, and a read of somebody else meanwhile. */
  async function readWhileAnnouncing(when: AnnouncedWhen) {
    const plain = await openCatalog(200);
    const called = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    const announce = () => {
      called.resolve();
      return answered.promise;
    };
    const catalog = createAnnouncingCatalog(under.database, { announce, when });
    const changing = catalog.updatePerformance(1, { title: 'Hamlet' });
    await called.promise;
    const read = await plain.findPerformance(1).catch((error: unknown) => error);
    answered.resolve();
    await changing;
    return read;
  }

  it('keeps the connection from everybody else when it is told in the transaction', async () => {
    expect(await readWhileAnnouncing('in-transaction')).toMatchObject({ code: 'overloaded' });
    const idle = 'database_connection_held_seconds_total{owner="change-performance",activity="idle"}';
    expect(await under.metric(idle)).toBeGreaterThan(0.19);
    expect(await under.metric('database_pool_timeouts_total{pool="postgres"}')).toBe(1);
  });

  it('keeps nobody waiting when it is told after the commit', async () => {
    expect(await readWhileAnnouncing('after-commit')).toMatchObject({ id: 1, title: 'Hamlet' });
    expect(await under.metric('database_pool_timeouts_total{pool="postgres"}')).toBe(0);
  });
});
