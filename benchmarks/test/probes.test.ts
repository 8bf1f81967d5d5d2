import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type RedisServer, startRedisServer } from '../environments/redis-server.ts';
import { readMachineCpu } from '../probes/machine.ts';
import { openPostgresStatistics } from '../probes/postgres-statistics.ts';
import type { Probe, Reading } from '../probes/probe.ts';
import { parsePrometheusText } from '../probes/prometheus-text.ts';
import { openRedisInfo } from '../probes/redis-info.ts';
import { waitForEmptyBacklog } from '../probes/seat-creation-backlog.ts';
import { createServiceMetricsProbe } from '../probes/service-metrics.ts';
import { difference, type VariantReading } from '../probes/variant-probes.ts';

async function countersAround(probe: Probe, work: () => Promise<void>): Promise<Record<string, number>> {
  const [before] = await probe.read();
  await work();
  const [after] = await probe.read();
  return Object.fromEntries(
    Object.entries(after?.counters ?? {}).map(([id, value]) => [id, value - (before?.counters[id] ?? Number.NaN)]),
  );
}

describe('the statistics of PostgreSQL', () => {
  const name = `probes_${process.pid}`;
  let admin: Client;
  let database: string;

  beforeAll(async () => {
    admin = new Client({ connectionString: inject('postgresUrl') });
    await admin.connect();
    await admin.query(`CREATE ROLE ${name} LOGIN`);
    await admin.query(`CREATE DATABASE ${name} OWNER ${name}`);
    const url = new URL(inject('postgresUrl'));
    url.pathname = name;
    database = url.href;
    const lab = new Client({ connectionString: database });
    await lab.connect();
    await lab.query('CREATE EXTENSION pg_stat_statements');
    // The databases of the tests before have filled it.
    await lab.query('SELECT pg_stat_statements_reset()');
    await lab.end();
  });

  afterAll(async () => {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.query(`DROP ROLE ${name}`);
    await admin.end();
  });

  it('count the statements and buffers of the service, and nothing of the lab', async () => {
    const url = new URL(database);
    url.username = name;
    const [service, lab] = [new Client({ connectionString: url.href }), new Client({ connectionString: database })];
    await Promise.all([service.connect(), lab.connect()]);
    await service.query('CREATE TABLE seats AS SELECT generate_series(1, 10000) AS seat');
    const probe = await openPostgresStatistics(database);
    const counters = await countersAround(probe, async () => {
      for (let index = 0; index < 7; index += 1) await service.query('SELECT count(*) FROM seats');
      await lab.query('SELECT count(*) FROM seats');
    });
    const { rows } = await service.query<{ pages: string }>(`SELECT pg_relation_size('seats') / 8192 AS pages`);
    await Promise.all([service.end(), lab.end(), probe.close()]);
    expect(counters['database_statements']).toBe(7);
    expect(counters['database_shared_buffers']).toBeGreaterThanOrEqual(7 * Number(rows[0]?.pages));
  });
});

describe('the INFO of Redis', () => {
  let directory: string;
  let server: RedisServer;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'probes-test-'));
    server = await startRedisServer({ role: 'cache', directory });
  });

  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  });

  it('counts commands, those in scripts included, and keys without a lifetime, but not the reading itself', async () => {
    const probe = await openRedisInfo(server.url);
    const client = new Redis(server.url);
    await client.ping();
    const counters = await countersAround(probe, async () => {
      await client.set('kept', '1');
      await client.set('expiring', '1', 'PX', 60_000);
      await client.eval("return redis.call('GET', 'kept')", 0);
    });
    const [reading] = await probe.read();
    client.disconnect();
    await probe.close();
    expect(counters['redis_cache_commands']).toBe(4);
    expect(reading?.levels).toMatchObject({ redis_cache_keys: 2, redis_cache_keys_without_ttl: 1 });
    expect(reading?.levels['redis_cache_used_bytes']).toBeGreaterThan(100_000);
  });
});

function addressOf(server: Server): string {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

/** As every process of the service declares them. */
function seatCreationMetrics(registry: Registry) {
  const registers = [registry];
  new Gauge({ name: 'nodejs_eventloop_lag_p99_seconds', help: 'h', registers }).set(0.0123);
  return {
    publications: new Counter({
      name: 'seat_creation_publications_total',
      help: 'h',
      labelNames: ['result'],
      registers,
    }),
    deliveries: new Counter({ name: 'seat_creation_deliveries_total', help: 'h', labelNames: ['outcome'], registers }),
    deadLetters: new Counter({ name: 'seat_creation_dead_letters_total', help: 'h', registers }),
    seats: new Counter({ name: 'seat_creation_seats_created_total', help: 'h', registers }),
  };
}

describe('the metrics of the service', () => {
  let page: () => Promise<string>;
  let server: Server;
  let adminUrl: string;

  beforeAll(async () => {
    server = createServer((_request, response) => void page().then((text) => response.end(text)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    adminUrl = addressOf(server);
  });

  afterAll(() => void server.close());

  it('are read as another implementation wrote them', async () => {
    const registry = new Registry();
    const labelled = new Counter({ name: 'odd_total', help: 'h', labelNames: ['path'], registers: [registry] });
    labelled.inc({ path: 'a "quoted"\\path,\nwith="everything"' }, 12.5);
    expect(parsePrometheusText(await registry.metrics())).toStrictEqual([
      { name: 'odd_total', labels: { path: 'a "quoted"\\path,\nwith="everything"' }, value: 12.5 },
    ]);
    expect(() => parsePrometheusText('not a sample')).toThrow('not a sample');
  });

  it('give 0 for what has not happened yet, and an error for what is not exported', async () => {
    const registry = new Registry();
    const registers = [registry];
    const cache = new Counter({
      name: 'performance_cache_requests_total',
      help: 'h',
      labelNames: ['kind', 'result'],
      registers,
    });
    const requests = new Histogram({
      name: 'http_server_request_duration_seconds',
      help: 'h',
      labelNames: ['status'],
      registers,
    });
    const queries = new Histogram({ name: 'database_query_seconds', help: 'h', labelNames: ['query'], registers });
    page = () => registry.metrics();
    const probe = createServiceMetricsProbe({ adminUrl, workerAdminUrls: [] }, 'postgres');
    await expect(probe.read()).rejects.toThrow('database_pool_timeouts_total');

    const timeouts = new Counter({ name: 'database_pool_timeouts_total', help: 'h', labelNames: ['pool'], registers });
    seatCreationMetrics(registry);
    const counters = await countersAround(probe, async () => {
      cache.inc({ kind: 'list', result: 'hit' }, 3);
      cache.inc({ kind: 'detail', result: 'hit' });
      requests.observe({ status: '200' }, 0.1);
      requests.observe({ status: '503' }, 0.1);
      queries.observe({ query: 'listPerformances' }, 0.1);
      timeouts.inc({ pool: 'postgres' });
      await Promise.resolve();
    });
    expect(counters).toStrictEqual({
      service_statements: 1,
      cache_hits: 4,
      cache_misses: 0,
      cache_negatives: 0,
      cache_bypasses: 0,
      cache_errors: 0,
      http_requests: 2,
      http_errors: 1,
      database_pool_timeouts: 1,
      seats_created: 0,
    });
  });

  it('add up what the service and its workers did, and leave what nobody has done yet', async () => {
    const [service, worker] = [new Registry(), new Registry()];
    for (const registry of [service, worker]) {
      registry.registerMetric(new Histogram({ name: 'database_query_seconds', help: 'h', registers: [] }));
      registry.registerMetric(new Counter({ name: 'database_pool_timeouts_total', help: 'h', registers: [] }));
    }
    for (const name of ['performance_cache_requests_total', 'http_server_request_duration_seconds']) {
      service.registerMetric(new Counter({ name, help: 'h', registers: [] }));
    }
    const [accepting, creating] = [seatCreationMetrics(service), seatCreationMetrics(worker)];
    page = () => service.metrics();
    const workerServer = createServer((_request, response) => void worker.metrics().then((text) => response.end(text)));
    await once(workerServer.listen(0, '127.0.0.1'), 'listening');
    try {
      const workerAdminUrls = [addressOf(workerServer)];
      const probe = createServiceMetricsProbe({ adminUrl, workerAdminUrls }, 'postgres');
      const database = { engine: 'postgres', adminConnectionString: '' } as const;
      const waitForRest = () =>
        waitForEmptyBacklog(
          { id: 'after', adminUrl, workerAdminUrls, database },
          { timeoutMs: 100, signal: new AbortController().signal },
        );
      const counters = await countersAround(probe, async () => {
        accepting.publications.inc({ result: 'accepted' }, 5);
        accepting.publications.inc({ result: 'refused' });
        creating.deliveries.inc({ outcome: 'created' }, 2);
        creating.deliveries.inc({ outcome: 'already_done' });
        creating.deadLetters.inc();
        creating.seats.inc(700);
        await Promise.resolve();
      });
      expect(counters['seats_created']).toBe(700);
      const [reading] = await probe.read();
      expect(reading?.levels).toStrictEqual({ seat_creation_backlog: 2, event_loop_lag_p99_seconds: 0.0123 });
      // The control: without the worker, nothing was done.
      const [alone] = await createServiceMetricsProbe({ adminUrl, workerAdminUrls: [] }, 'postgres').read();
      expect(alone?.levels['seat_creation_backlog']).toBe(5);

      await expect(waitForRest()).rejects.toThrow('2 seat creations of after were not done 100 ms after the load');
      creating.deliveries.inc({ outcome: 'created' }, 2);
      await waitForRest();
    } finally {
      workerServer.close();
    }
  });
});

describe('the CPU time of the machine', () => {
  it('is the number of CPUs by the clock, and beside it what the kernel counted of it', async () => {
    const counters = (): Record<string, number> =>
      Object.fromEntries(readMachineCpu().flatMap((reading) => Object.entries(reading.counters)));
    const started = performance.now();
    const before = counters();
    await sleep(1000);
    const after = counters();
    const elapsedSeconds = (performance.now() - started) / 1000;
    const grown = (metric: string): number => (after[metric] ?? Number.NaN) - (before[metric] ?? Number.NaN);
    const share = grown('machine_cpu_seconds') / (cpus().length * elapsedSeconds);
    expect(share).toBeLessThanOrEqual(1);
    expect(share).toBeGreaterThan(0.98);
    expect(grown('proc_stat_cpu_seconds') / grown('machine_cpu_seconds')).toBeGreaterThan(0.7);
    expect(grown('proc_stat_cpu_seconds') / grown('machine_cpu_seconds')).toBeLessThan(1.1);
    expect(grown('idle_cpu_seconds') + grown('steal_cpu_seconds')).toBeLessThanOrEqual(
      grown('proc_stat_cpu_seconds') + 0.001,
    );
  });
});

describe('the difference of two readings', () => {
  const reading = (seconds: number, counters: Reading['counters']): VariantReading => ({
    monotonicSeconds: seconds,
    wallClockSeconds: 1_000 + seconds,
    readings: [{ source: 'test', counters, levels: { redis_cache_keys: seconds } }],
  });

  it('has counters as their difference, levels as they are at the end, and the length of the window', () => {
    expect(difference(reading(5, { cache_hits: 10 }), reading(9, { cache_hits: 40 }))).toStrictEqual([
      { metric: 'window_seconds', value: 4, unit: 'seconds', source: 'monotonic clock' },
      { metric: 'clock_step_seconds', value: 0, unit: 'seconds', source: 'wall clock against monotonic clock' },
      { metric: 'cache_hits', value: 30, unit: 'requests', source: 'test' },
      { metric: 'redis_cache_keys', value: 9, unit: 'keys', source: 'test' },
    ]);
  });

  it('is refused when a counter fell, is new or has no unit', () => {
    const [low, high] = [reading(5, { cache_hits: 10 }), reading(9, { cache_hits: 40 })];
    expect(() => difference({ ...high, monotonicSeconds: 1 }, low)).toThrow('cache_hits fell from 40 to 10');
    expect(() => difference(reading(1, {}), low)).toThrow('cache_hits was not read at the start');
    expect(() => difference(reading(1, { tea: 1 }), reading(2, { tea: 2 }))).toThrow('tea is not in raw-metrics.ts');
  });

  it('shows a wall clock that was set', () => {
    const later = { ...reading(9, {}), wallClockSeconds: 1_012 };
    expect(difference(reading(5, {}), later)[1]).toMatchObject({ metric: 'clock_step_seconds', value: 3 });
  });
});
