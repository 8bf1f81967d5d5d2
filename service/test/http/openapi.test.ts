import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type RedisServer, startRedisServer } from '../../../benchmarks/environments/redis-server.ts';
import { problemKinds } from '../../src/http/problem-details.ts';
import { bodyOf, hamlet, seatingPlan, type ServiceUnderTest, startService } from './service-under-test.ts';

interface Documented {
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly headers?: Readonly<Record<string, object>>;
        readonly content?: Readonly<Record<string, { readonly schema: object }>>;
      }
    >
  >;
  readonly security?: unknown;
  readonly operationId: string;
}

interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>>;
  readonly 'x-problems': Readonly<Record<string, { readonly status: number }>>;
}

/** A letter that is there before the walk begins. */
const deadJob = {
  operationId: '00000000-0000-4000-8000-000000000001',
  target: { kind: 'hall', id: 999 },
  acceptedAt: '2026-11-23T10:00:00.000Z',
  replays: 0,
};

/** One request for each way to answer, `{…}` filled in: method, documented path, its id, body, headers, status. */
const walk: readonly (readonly [string, string, string, unknown, Readonly<Record<string, string>>, number])[] = [
  ['post', '/venues', '', { name: 'Blue Square', city: 'Seoul' }, {}, 201],
  ['post', '/venues', '', '{', { 'Content-Type': 'application/json' }, 400],
  ['post', '/venues', '', {}, { Authorization: 'none' }, 401],
  ['post', '/venues', '', {}, { Accept: 'text/html' }, 406],
  ['post', '/venues', '', 'x'.repeat(1024 * 1024 + 1), { 'Content-Type': 'application/json' }, 413],
  ['post', '/venues', '', {}, { 'Content-Type': 'text/plain' }, 415],
  ['post', '/venues', '', {}, {}, 422],
  ['get', '/venues/{id}', '1', undefined, {}, 200],
  ['get', '/venues/{id}', '2', undefined, {}, 404],
  ['post', '/venues/{id}/halls', '1', { name: 'Main hall', seatingPlan }, {}, 201],
  ['post', '/venues/{id}/halls', '1', { name: 'Main hall', seatingPlan: { floors: [] } }, {}, 422],
  ['post', '/venues/{id}/halls', '2', { name: 'Main hall', seatingPlan }, {}, 404],
  ['get', '/halls/{id}', '1', undefined, {}, 200],
  ['get', '/halls/{id}', 'x', undefined, {}, 404],
  ['post', '/performances', '', hamlet, {}, 201],
  ['patch', '/performances/{id}', '1', { title: 'Lear' }, {}, 200],
  ['patch', '/performances/{id}', '1', { genre: 'opra', x: 1 }, {}, 422],
  ['patch', '/performances/{id}', '2', { title: 'Lear' }, {}, 404],
  ['post', '/performances/{id}/showtimes', '1', { hallId: 1, startsAt: '2999-01-01T00:00:00Z' }, {}, 201],
  ['post', '/performances/{id}/showtimes', '1', { hallId: 2, startsAt: '2999-01-01T00:00:00Z' }, {}, 404],
  ['get', '/performances', '', undefined, {}, 200],
  ['get', '/performances', '?page=1', undefined, {}, 422],
  ['get', '/performances', `?city=${'x'.repeat(5_000)}`, undefined, {}, 414],
  ['get', '/performances', '', undefined, { 'If-None-Match': '*' }, 304],
  ['get', '/performances/{id}', '1', undefined, {}, 200],
  ['get', '/performances/{id}', '2', undefined, {}, 404],
  ['post', '/halls/{id}/seats', '1', undefined, { 'Idempotency-Key': 'first' }, 202],
  ['post', '/halls/{id}/seats', '1', {}, { 'Idempotency-Key': 'first' }, 202],
  ['post', '/halls/{id}/seats', '1', { rows: 1 }, {}, 422],
  ['post', '/halls/{id}/seats', '1', undefined, { 'Idempotency-Key': 'two words' }, 422],
  ['post', '/halls/{id}/seats', '1', undefined, { Authorization: 'none' }, 401],
  ['post', '/halls/{id}/seats', '2', undefined, {}, 404],
  ['post', '/halls/{id}/seats', '1', undefined, {}, 409],
  ['post', '/showtimes/{id}/seats', '1', undefined, { 'Idempotency-Key': 'first' }, 202],
  ['post', '/showtimes/{id}/seats', '9', undefined, {}, 404],
  ['get', '/halls/{id}/seats', '1', undefined, {}, 200],
  ['get', '/halls/{id}/seats', '9', undefined, {}, 404],
  ['get', '/showtimes/{id}/seats', '1', undefined, {}, 200],
  ['post', '/dead-letters/{id}/replay', '2-1', undefined, {}, 202],
  ['post', '/dead-letters/{id}/replay', '1-1', undefined, {}, 404],
  ['get', '/seat-creations/{id}', deadJob.operationId, undefined, {}, 200],
  ['get', '/seat-creations/{id}', 'x', undefined, {}, 404],
  ['get', '/dead-letters', '', undefined, {}, 200],
  ['get', '/dead-letters', '', undefined, { Authorization: 'none' }, 401],
  ['get', '/dead-letters', '?cursor=x', undefined, {}, 422],
  ['get', '/version', '', undefined, {}, 200],
  ['get', '/openapi.json', '', undefined, {}, 200],
];

describe('/openapi.json', () => {
  let directory: string;
  let redis: RedisServer;
  let service: ServiceUnderTest;
  let document: OpenApiDocument;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'openapi-'));
    redis = await startRedisServer({ role: 'queue', directory });
    const admin = new Redis(redis.url);
    const fields = ['reason', 'hall-not-found', 'message', 'no hall', 'failed-at', deadJob.acceptedAt, 'attempts', '1'];
    await admin.xadd('seat-creation:dead', '2-1', ...fields, 'deliveries', '1', 'job', JSON.stringify(deadJob));
    admin.disconnect();
    service = await startService({ SEAT_CREATION: 'stream', REDIS_QUEUE_URL: redis.url });
    const response = await service.send('GET', '/openapi.json');
    document = await bodyOf<OpenApiDocument>(response);
    ajv.addSchema({ ...document, $id: 'https://ticketing.test/openapi.json' });
  });
  afterAll(async () => {
    await service.stop();
    await redis.stop();
    rmSync(directory, { recursive: true });
  });

  it('holds to the schema of OpenAPI 3.1', async () => {
    expect(await new Validator().validate({ ...structuredClone(document) })).toEqual({ valid: true });
    const broken = { ...structuredClone(document), paths: { venues: 1 } };
    expect(await new Validator().validate(broken)).toMatchObject({ valid: false });
  });

  it('answers each request of a walk as it is documented', async () => {
    const failures: string[] = [];
    for (const [method, path, argument, body, headers, status] of walk) {
      const url = path.includes('{id}') ? path.replace('{id}', argument) : `${path}${argument}`;
      const response = await service.send(method.toUpperCase(), url, body, headers);
      const text = await response.text();
      expect([method, url, response.status]).toEqual([method, url, status]);
      failures.push(...mismatches(`/paths/${pointer(path)}/${method}/responses/${status}`, response, text));
    }
    expect(failures).toEqual([]);
  });

  it('would not accept an answer of another shape', () => {
    const answer = new Response('{}', { headers: { 'content-type': 'application/json' } });
    expect(mismatches(`/paths/${pointer('/venues/{id}')}/get/responses/200`, answer, '{"id":"1"}')).toHaveLength(1);
  });

  it('has every operation in that walk with its success, and a token on every write and the dead letters', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    expect(operations).toHaveLength(18);
    for (const { path, method, operation } of operations) {
      const success = walk.some(([walked, at, , , , status]) => walked === method && at === path && status < 300);
      const secured = operation.security !== undefined;
      const needsToken = method !== 'get' || path === '/dead-letters';
      expect({ method, path, success, secured }).toEqual({ method, path, success: true, secured: needsToken });
    }
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
  });

  it('lists every kind of problem', () => {
    expect(Object.keys(document['x-problems']).toSorted()).toEqual(Object.keys(problemKinds).toSorted());
  });

  function mismatches(at: string, response: Response, text: string): string[] {
    const documented =
      document.paths[unescaped(at.split('/')[2])]?.[at.split('/')[3] ?? '']?.responses[at.split('/')[5] ?? ''];
    if (documented === undefined) return [`${at} is not documented`];
    const said = ['Retry-After', 'WWW-Authenticate', 'Accept-Post', 'Accept-Patch', 'X-Request-Id'];
    for (const name of said)
      if (response.headers.has(name) && !(name in (documented.headers ?? {}))) return [`${at} does not say ${name}`];
    if (documented.content === undefined) return text === '' ? [] : [`${at} has a body`];
    const mediaType = response.headers.get('content-type')?.split(';')[0] ?? '';
    if (documented.content[mediaType] === undefined) return [`${at} is ${mediaType}`];
    const schema = `https://ticketing.test/openapi.json#${at}/content/${pointer(mediaType)}/schema`;
    const validate = ajv.getSchema(schema);
    if (validate === undefined) return [`${schema} is not there`];
    return validate(JSON.parse(text)) ? [] : [`${at}: ${ajv.errorsText(validate.errors)}`];
  }
});

const pointer = (name: string): string => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
const unescaped = (segment = ''): string => decodeURIComponent(segment).replaceAll('~1', '/').replaceAll('~0', '~');
