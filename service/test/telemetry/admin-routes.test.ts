import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { askReadiness } from '../../src/telemetry/admin-routes.ts';
import { type ServiceUnderTest, startService } from '../http/service-under-test.ts';

describe('the admin port', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.stop());

  async function metric(name: string): Promise<string[]> {
    const text = await (await fetch(`${service.admin}/metrics`)).text();
    return text.split('\n').filter((line) => line.startsWith(name));
  }

  it('says that the process lives, and that it is ready', async () => {
    expect((await fetch(`${service.admin}/livez`)).status).toBe(200);
    const ready = await fetch(`${service.admin}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, phase: 'serving', database: 'up' }]);
  });

  it('has nothing else, and nothing to write', async () => {
    expect((await fetch(`${service.admin}/version`)).status).toBe(404);
    expect((await fetch(`${service.admin}/metrics`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${service.api}/metrics`)).status).toBe(404);
  });

  it('counts requests by route pattern, never by path', async () => {
    await service.send('GET', '/venues/4711');
    await service.send('GET', '/secret-4711');
    await service.send('BREW', '/venues/4711');
    const counts = await metric('http_server_request_duration_seconds_count');
    expect(counts).toContain(
      'http_server_request_duration_seconds_count{method="GET",route="/venues/{id}",status="404"} 1',
    );
    expect(counts.join('\n')).toContain('method="GET",route="unmatched",status="404"');
    expect(counts.join('\n')).not.toMatch(/4711|BREW/);
  });

  it.each([
    'process_cpu_seconds_total',
    'nodejs_eventloop_lag_seconds',
    'database_pool_connections',
    'database_query_seconds_count',
    'database_cpu_seconds_total',
    'performance_cache_requests_total',
  ])('shows %s', async (name) => {
    expect(await metric(name)).not.toEqual([]);
  });
});

describe('readiness', () => {
  const up = () => Promise.resolve();

  it.each(['starting', 'stopping'] as const)('is no while %s, and the database is not asked', async (phase) => {
    const pingDatabase = () => Promise.reject(new Error('asked'));
    const readiness = await askReadiness({ phase: () => phase, pingDatabase, pingTimeoutMs: 1_000 });
    expect(readiness).toEqual({ ready: false, phase, database: 'not asked' });
  });

  it.each([
    ['answers', up, true],
    ['refuses', () => Promise.reject(new Error('down')), false],
    ['hangs', () => new Promise<void>(() => undefined), false],
  ] as const)('while serving, with a database that %s', async (_name, pingDatabase, ready) => {
    const readiness = await askReadiness({ phase: () => 'serving', pingDatabase, pingTimeoutMs: 50 });
    expect(readiness).toEqual({ ready, phase: 'serving', database: ready ? 'up' : 'down' });
  });
});
