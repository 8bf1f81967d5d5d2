import { readFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Counter, Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type RedisServer, startRedisServer } from '../../../benchmarks/environments/redis-server.ts';
import { problemKinds } from '../../src/http/problem-details.ts';
import { catalogueFile, type CataloguedMetric, catalogueText, describeMetrics } from '../../src/metric-catalogue.ts';
import { mostOperations, mostStatuses } from '../../src/telemetry/http-metrics.ts';
import { bodyOf, createPostgresDatabase, type ServiceUnderTest, startService } from '../http/service-under-test.ts';

/** Lines of each metric on a page, those of a histogram under its own name. */
function countSeries(page: string): ReadonlyMap<string, { readonly type: string; readonly lines: readonly string[] }> {
  const lines = page.split('\n');
  const declared = lines.flatMap((line) => [/^# TYPE (\S+) (\S+)$/.exec(line)?.slice(1) ?? []].filter((it) => it[0]));
  return new Map(
    declared.map(([name = '', type = '']) => {
      const own = new RegExp(`^${name}${type === 'histogram' ? '_(bucket|sum|count)' : ''}[ {]`);
      return [name, { type, lines: lines.filter((line) => own.test(line)) }];
    }),
  );
}

/** What a page has that the catalogue does not say of it. */
function problemsOf(page: string, catalogue: readonly CataloguedMetric[]): readonly string[] {
  return [...countSeries(page)].flatMap(([name, { type, lines }]) => {
    const metric = catalogue.find((candidate) => candidate.name === name);
    if (!metric) return [`${name} is not catalogued: run node service/src/metric-catalogue.ts`];
    const labels = new Set(
      lines.flatMap((line) => Array.from(line.matchAll(/[{,](\w+)="/g), ([, label = '']) => label)),
    );
    const unknown = [...labels].filter((label) => label !== 'le' && !metric.labels.includes(label));
    return [
      ...(metric.type === type ? [] : [`${name} is a ${type}, catalogued as ${metric.type}`]),
      ...(unknown.length === 0 ? [] : [`${name} has labels that are not catalogued: ${unknown.join(', ')}`]),
      ...(lines.length <= metric.seriesAtMost ? [] : [`${name} has ${lines.length} lines of ${metric.seriesAtMost}`]),
    ];
  });
}

async function sendHostileRequests(service: ServiceUnderTest, count: number): Promise<void> {
  const methods = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'MKCOL', 'REPORT'];
  for (let index = 0; index < count; index += 10) {
    await Promise.all(
      methods.map(async (method, place) => {
        const paths = [
          `/performances/${index}`,
          `/secret-${index}`,
          `/halls/${index}/seats`,
          `/venues/x${index}?a=${index}`,
        ];
        const answer = await fetch(`${service.api}${paths[(index / 10 + place) % paths.length]}`, {
          method,
          headers: { 'X-Request-Id': `r-${index}`, 'User-Agent': `agent-${index}` },
        });
        await answer.arrayBuffer();
      }),
    );
  }
}

describe('the catalogue of metrics', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ticketing-catalogue-'));
  const services: ServiceUnderTest[] = [];
  let redis: RedisServer;
  let catalogue: readonly CataloguedMetric[];
  beforeAll(async () => {
    catalogue = await describeMetrics();
    redis = await startRedisServer({ role: 'queue', directory });
    const stream = { SEAT_CREATION: 'stream', REDIS_QUEUE_URL: redis.url };
    services.push(
      await startService(stream),
      await startService({ ...stream, DATABASE_URL: await createPostgresDatabase() }),
    );
  });
  afterAll(async () => {
    for (const service of services) await service.stop();
    await redis.stop();
    rmSync(directory, { recursive: true });
  });
  const pageOf = async (service: ServiceUnderTest | undefined): Promise<string> =>
    (await fetch(`${service?.admin}/metrics`)).text();

  it('is as committed', async () => {
    expect(await catalogueText(), 'run node service/src/metric-catalogue.ts').toBe(readFileSync(catalogueFile, 'utf8'));
  });

  it('has a meaning for each, and names with base units', () => {
    expect(catalogue.filter(({ meaning }) => meaning.length < 10)).toEqual([]);
    expect(catalogue.filter(({ name }) => /_(ms|millis|kb|mb|percent|minutes)(_|$)/.test(name))).toEqual([]);
    const ours = catalogue.filter(({ name }) => !/^(nodejs|process)_/.test(name));
    expect(ours.filter(({ name, type }) => (type === 'counter') !== name.endsWith('_total'))).toEqual([]);
  });

  it('is what the service exports, on both engines, and nothing else', async () => {
    for (const service of services) {
      const page = await pageOf(service);
      expect(problemsOf(page, catalogue)).toEqual([]);
      const exported = countSeries(page);
      expect(catalogue.filter(({ name, only }) => only === undefined && !exported.has(name))).toEqual([]);
    }
  });

  it('has every counter and histogram at 0 before the first event, so that the first is an increase', async () => {
    const atStart = [...countSeries(await pageOf(services[1]))].filter(
      ([name, { type }]) => type !== 'gauge' && !name.startsWith('nodejs_gc'),
    );
    expect(atStart.length).toBeGreaterThan(20);
    expect(atStart.filter(([, { lines }]) => lines.length === 0).map(([name]) => name)).toEqual([]);
    const failures = (await pageOf(services[1]))
      .split('\n')
      .filter((line) => /duration_seconds_count.*status="503"/.test(line));
    expect(failures.length).toBeGreaterThan(10);
    for (const line of failures) expect(line).toMatch(/ 0$/);
  });

  it('keeps its bounds under requests that try to make series', async () => {
    const [service] = services;
    if (!service) throw new Error('no service was started');
    const before = countSeries(await pageOf(service)).get('http_server_request_duration_seconds')?.lines.length ?? 0;
    await sendHostileRequests(service, 160);
    const once = countSeries(await pageOf(service)).get('http_server_request_duration_seconds')?.lines.length ?? 0;
    expect(once).toBeGreaterThan(before);
    await sendHostileRequests(service, 240);
    const page = await pageOf(service);
    expect(problemsOf(page, catalogue)).toEqual([]);
    expect(countSeries(page).get('http_server_request_duration_seconds')?.lines).toHaveLength(once);
  });

  it('would see a label that clients fill, another type, and a metric without an entry', async () => {
    const registry = new Registry();
    const paths = new Counter({
      name: 'paths_total',
      help: 'A counter by path',
      labelNames: ['path'],
      registers: [registry],
    });
    for (let index = 0; index < 10; index += 1) paths.inc({ path: `/${index}` });
    const page = await registry.metrics();
    const entry = {
      name: 'paths_total',
      type: 'counter',
      unit: 'count',
      labels: ['path'],
      seriesAtMost: 9,
      meaning: '',
    };
    expect(problemsOf(page, [{ ...entry, seriesAtMost: 10 }])).toEqual([]);
    expect(problemsOf(page, [entry])).toEqual(['paths_total has 10 lines of 9']);
    expect(problemsOf(page, [{ ...entry, type: 'gauge', seriesAtMost: 10, labels: [] }])).toHaveLength(2);
    expect(problemsOf(page, [])).toHaveLength(1);
  });

  it('counts no fewer operations and statuses than the API has', async () => {
    const answer = await fetch(`${services[0]?.api}/openapi.json`);
    const { paths } = await bodyOf<{ readonly paths: Readonly<Record<string, object>> }>(answer);
    const operations = Object.values(paths).flatMap((path) => Object.keys(path));
    expect(operations.length).toBeGreaterThan(10);
    expect(operations.length).toBeLessThanOrEqual(mostOperations);
    const statuses = new Set([200, 201, 202, 204, 304, ...Object.values(problemKinds).map(({ status }) => status)]);
    expect(statuses.size).toBeLessThanOrEqual(mostStatuses);
  });
});
