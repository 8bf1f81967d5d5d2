import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type RedisServer, startRedisServer } from '../../../benchmarks/environments/redis-server.ts';
import { bodyOf, hamlet, seatingPlan, type ServiceUnderTest, startService } from './service-under-test.ts';

interface Operation {
  readonly state: string;
  readonly seatsCreated?: number;
  readonly deadLetterId?: string;
}

interface Page {
  readonly items: readonly { readonly id: number; readonly amount?: number; readonly reason?: string }[];
  readonly nextCursor?: string;
}

const soon = { timeout: 5_000, interval: 10 };

describe.each(['async', 'stream'] as const)('seat creation with SEAT_CREATION=%s', (mode) => {
  let directory: string;
  let redis: RedisServer;
  let service: ServiceUnderTest;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'seat-creations-'));
    redis = await startRedisServer({ role: 'queue', directory });
    service = await startService({ SEAT_CREATION: mode, REDIS_QUEUE_URL: redis.url });
    await service.send('POST', '/venues', { name: 'Blue Square', city: 'Seoul' });
    await service.send('POST', '/performances', hamlet);
  });
  afterAll(async () => {
    await service.stop();
    await redis.stop();
    rmSync(directory, { recursive: true });
  });

  async function createHall(): Promise<number> {
    const hall = await service.send('POST', '/venues/1/halls', { name: 'Main hall', seatingPlan });
    return (await bodyOf<{ readonly id: number }>(hall)).id;
  }

  async function operationAt(location: string | null): Promise<Operation> {
    return bodyOf<Operation>(await service.send('GET', location ?? ''));
  }

  const ask = (path: string, key?: string) =>
    service.send('POST', path, undefined, key === undefined ? {} : { 'Idempotency-Key': key });

  it('answers 202 with an operation that is there at once, ends done, and has created the seats', async () => {
    const hall = await createHall();
    const accepted = await ask(`/halls/${hall}/seats`);
    expect(accepted.status).toBe(202);
    const location = accepted.headers.get('Location');
    expect(location).toMatch(/^\/seat-creations\/[\da-f-]{36}$/);
    expect((await service.send('GET', location ?? '')).status).toBe(200);
    await expect
      .poll(() => operationAt(location), soon)
      .toMatchObject({ state: 'done', seatsCreated: 500, attempts: 1 });

    const showtime = await service.send('POST', '/performances/1/showtimes', {
      hallId: hall,
      startsAt: '2999-01-01T00:00:00Z',
    });
    const { id } = await bodyOf<{ readonly id: number }>(showtime);
    const forShowtime = (await ask(`/showtimes/${id}/seats`)).headers.get('Location');
    await expect.poll(() => operationAt(forShowtime), soon).toMatchObject({ state: 'done', seatsCreated: 500 });

    const pages: Page[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; cursor = pages.at(-1)?.nextCursor) {
      const query = `limit=200${cursor && `&cursor=${cursor}`}`;
      pages.push(await bodyOf<Page>(await service.send('GET', `/showtimes/${id}/seats?${query}`)));
    }
    expect(pages.map(({ items }) => items.length)).toEqual([200, 200, 100]);
    const seats = pages.flatMap(({ items }) => items);
    expect(new Set(seats.map((seat) => seat.id)).size).toBe(500);
    expect(seats.filter(({ amount }) => amount === 120_000)).toHaveLength(200);
  });

  it('answers the same operation for the same key, 422 for another target, 409 without the key', async () => {
    const hall = await createHall();
    const answers = await Promise.all([1, 2, 3].map(() => ask(`/halls/${hall}/seats`, `key-${hall}`)));
    const locations = new Set(answers.map((answer) => answer.headers.get('Location')));
    expect([...answers.map(({ status }) => status), locations.size]).toEqual([202, 202, 202, 1]);
    const other = await ask(`/halls/${await createHall()}/seats`, `key-${hall}`);
    expect([other.status, await bodyOf(other)]).toMatchObject([422, { code: 'idempotency-key-reused' }]);
    const [location = null] = locations;
    await expect.poll(() => operationAt(location), soon).toMatchObject({ state: 'done' });
    const again = await ask(`/halls/${hall}/seats`, `key-${hall}`);
    expect([again.status, again.headers.get('Location')]).toEqual([202, location]);
    const second = await ask(`/halls/${hall}/seats`);
    expect([second.status, await bodyOf(second)]).toMatchObject([
      409,
      { code: 'seats-exist', operationId: location?.split('/').at(-1) },
    ]);
  });

  it('counts what it does', async () => {
    const metrics = await (await fetch(`${service.admin}/metrics`)).text();
    expect(metrics).toMatch(/^seat_creation_seats_created_total 1500$/m);
    expect(metrics).toMatch(/^seat_creation_publications_total\{result="accepted"\} 3$/m);
    expect(metrics).toMatch(/^process_cpu_seconds_total /m);
  });
});

describe('dead letters over HTTP', () => {
  it('are listed with the token, replayed once, and the queue’s outage is a 503 with Retry-After', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dead-letters-'));
    const redis = await startRedisServer({ role: 'queue', directory });
    const service = await startService({ SEAT_CREATION: 'stream', REDIS_QUEUE_URL: redis.url });
    const admin = new Redis(redis.url);
    await admin.xadd(
      'seat-creation',
      '*',
      'job',
      JSON.stringify({
        operationId: '00000000-0000-4000-8000-000000000001',
        target: { kind: 'hall', id: 1 },
        acceptedAt: '2026-11-23T10:00:00.000Z',
        replays: 0,
      }),
    );
    const letters = async () => bodyOf<Page>(await service.send('GET', '/dead-letters'));
    await expect.poll(async () => (await letters()).items, soon).toMatchObject([{ reason: 'hall-not-found' }]);
    const anonymous = await fetch(`${service.api}/dead-letters`);
    expect(anonymous.status).toBe(401);

    await service.send('POST', '/venues', { name: 'Blue Square', city: 'Seoul' });
    await service.send('POST', '/venues/1/halls', { name: 'Main hall', seatingPlan });
    const id = String((await letters()).items[0]?.id);
    const replayed = [1, 2].map(() => service.send('POST', `/dead-letters/${id}/replay`));
    const locations = (await Promise.all(replayed)).map((answer) => [answer.status, answer.headers.get('Location')]);
    const location = '/seat-creations/00000000-0000-4000-8000-000000000001';
    expect(locations).toEqual([
      [202, location],
      [202, location],
    ]);
    await expect
      .poll(async () => bodyOf(await service.send('GET', location)), soon)
      .toMatchObject({ state: 'done', attempts: 2, seatsCreated: 500 });
    expect((await letters()).items).toEqual([]);

    admin.disconnect();
    await redis.stop();
    const refused = await service.send('POST', '/halls/1/seats', undefined, { 'Idempotency-Key': 'while-down' });
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([409, null]);
    await service.send('POST', '/venues/1/halls', { name: 'Second hall', seatingPlan });
    const down = await service.send('POST', '/halls/2/seats');
    expect([down.status, down.headers.get('Retry-After')]).toEqual([503, '5']);
    expect(await bodyOf(down)).toMatchObject({ code: 'queue-unavailable' });
    await service.stop();
    rmSync(directory, { recursive: true });
  });
});
