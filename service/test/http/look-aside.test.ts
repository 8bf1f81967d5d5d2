import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { type RedisServer, startRedisServer } from '../../../benchmarks/environments/redis-server.ts';
import {
  bodyOf,
  createPostgresDatabase,
  hamlet,
  seatingPlan,
  type ServiceUnderTest,
  startService,
} from './service-under-test.ts';

const cacheStatus = (response: Response) => response.headers.get('cache-status');

describe.each(['sqlite', 'postgres'] as const)('reads through the look-aside cache, on %s', (engine) => {
  const directory = mkdtempSync(join(tmpdir(), 'ticketing-look-aside-'));
  let redis: RedisServer;
  let service: ServiceUnderTest;
  beforeAll(async () => {
    redis = await startRedisServer({ role: 'cache', directory });
    service = await startService({
      PERFORMANCE_CACHE: 'look-aside',
      REDIS_CACHE_URL: redis.url,
      ...(engine === 'postgres' && { DATABASE_URL: await createPostgresDatabase() }),
    });
    await service.send('POST', '/venues', { name: 'Blue Square', city: 'Seoul' });
    await service.send('POST', '/venues/1/halls', { name: 'Main hall', seatingPlan });
    await service.send('POST', '/performances', hamlet);
    await service.send('POST', '/performances/1/showtimes', { hallId: 1, startsAt: '2999-01-01T00:00:00Z' });
    await vi.waitFor(async () => {
      await service.send('GET', '/performances/1');
      const status = cacheStatus(await service.send('GET', '/performances/1'));
      if (status !== 'ticketing; hit') throw new Error(`the cache is not connected yet: ${status}`);
    });
  });
  afterAll(async () => {
    await service.stop();
    await redis.stop();
    rmSync(directory, { recursive: true });
  });

  it.each(['/performances', '/performances?genre=play&city=Seoul&limit=5'])(
    'stores %s and sends the same bytes',
    async (path) => {
      const miss = await service.send('GET', path);
      const hit = await service.send('GET', path);
      expect([cacheStatus(miss), cacheStatus(hit)]).toEqual(['ticketing; fwd=miss', 'ticketing; hit']);
      expect([miss.headers.get('age'), hit.headers.get('age')]).toEqual([null, '0']);
      expect(hit.headers.get('etag')).toBe(miss.headers.get('etag'));
      expect(await hit.text()).toBe(await miss.text());
    },
  );

  it('answers 304 from the cache', async () => {
    const first = await service.send('GET', '/performances/1');
    const etag = first.headers.get('etag') ?? '';
    const second = await service.send('GET', '/performances/1', undefined, { 'If-None-Match': etag });
    expect([second.status, cacheStatus(second), await second.text()]).toEqual([304, 'ticketing; hit', '']);
  });

  it('shows a change to whoever reads after the change was answered, in the detail and in the list', async () => {
    for (const title of ['Lear', 'Othello', 'Macbeth']) {
      await service.send('GET', '/performances?genre=play');
      expect((await service.send('PATCH', '/performances/1', { title })).status).toBe(200);
      const detail = await bodyOf<{ title: string }>(await service.send('GET', '/performances/1'));
      const page = await bodyOf<{ items: { title: string }[] }>(await service.send('GET', '/performances?genre=play'));
      expect([detail.title, page.items[0]?.title]).toEqual([title, title]);
    }
  });

  it('remembers an absence until the performance is created', async () => {
    const path = '/performances/2';
    const [first, second] = [await service.send('GET', path), await service.send('GET', path)];
    expect([first.status, cacheStatus(first)]).toEqual([404, 'ticketing; fwd=miss']);
    expect([second.status, cacheStatus(second)]).toEqual([404, 'ticketing; hit; detail=negative']);
    expect((await service.send('POST', '/performances', hamlet)).headers.get('location')).toBe(path);
    expect((await service.send('GET', path)).status).toBe(200);
  });

  it('serves from the database, and is ready, when its Redis has gone', async () => {
    await redis.stop();
    const response = await service.send('GET', '/performances/1');
    expect([response.status, cacheStatus(response)]).toEqual([200, 'ticketing; fwd=bypass']);
    expect((await fetch(`${service.admin}/readyz`)).status).toBe(200);
  });
});
