import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';

import { encodeListCursor } from '../../src/catalog/list-cursor.ts';
import { DomainError } from '../../src/domain-error.ts';
import type { PerformanceCache } from '../../src/performance-cache/performance-cache.ts';
import { createRepresentation } from '../../src/performance-cache/representation.ts';
import { bodyOf, type ServiceUnderTest, startService, token } from './service-under-test.ts';

const venue = { name: 'Blue Square', city: 'Seoul' };

/** Sends bytes that fetch would not, and returns what came back until the connection closed. */
async function sendRaw(port: number, text: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

/** The JSON behind the head of the only answer in `answer`. */
function problemIn(answer: string): unknown {
  return JSON.parse(answer.split('\r\n\r\n').slice(1).join(''));
}

const unknownNames = Array.from({ length: 80_000 }, (_, index) => `,"x${index}":1`).join('');

function largePlan(blocks: string): string {
  const section = `{"name":"A","grade":"VIP","blocks":[${blocks}]}`;
  return `{"name":"x","seatingPlan":{"floors":[{"name":"1","sections":[${section}]}]}}`;
}

describe('what HTTP refuses', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => {
    service = await startService({ REQUEST_TIMEOUT_MS: '300', LOG_LEVEL: 'debug' });
  });
  afterAll(() => service.stop());

  /** Status and code of a problem document, which is as all of them have to be. */
  async function problemOf(response: Response): Promise<readonly [number, unknown]> {
    const problem = await bodyOf<Record<string, unknown>>(response);
    expect(problem).toMatchObject({
      type: `/openapi.json#/x-problems/${String(problem['code'])}`,
      status: response.status,
      requestId: response.headers.get('x-request-id'),
      instance: new URL(response.url).pathname,
    });
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    return [response.status, problem['code']];
  }

  it('404 for an address where nothing is', async () => {
    expect(await problemOf(await service.send('GET', '/nothing/here'))).toEqual([404, 'not-found']);
    expect(await problemOf(await service.send('GET', '/venues/1/'))).toEqual([404, 'not-found']);
  });

  it('405 with Allow for a method that the resource does not have', async () => {
    const response = await service.send('DELETE', '/performances/1');
    expect(await problemOf(response)).toEqual([405, 'method-not-allowed']);
    expect(response.headers.get('allow')).toBe('HEAD, GET, PATCH, OPTIONS');
  });

  it('nothing about OPTIONS, which says what there is', async () => {
    const response = await service.send('OPTIONS', '/venues');
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
  });

  it('406 when JSON is not accepted', async () => {
    expect(await problemOf(await service.send('GET', '/performances', undefined, { Accept: 'text/html' }))).toEqual([
      406,
      'not-acceptable',
    ]);
  });

  it.each(['*/*', 'application/json', 'text/html,application/*;q=0.8'])('no one who accepts %s', async (accept) => {
    expect((await service.send('GET', '/performances', undefined, { Accept: accept })).status).toBe(200);
  });

  it.each([
    ['no token', undefined, 'Bearer realm="ticketing"'],
    ['another scheme', `Basic ${token}`, 'Bearer realm="ticketing"'],
    ['another token', `Bearer ${token}x`, 'Bearer realm="ticketing", error="invalid_token"'],
    ['a shorter token', `Bearer ${token.slice(0, -1)}`, 'Bearer realm="ticketing", error="invalid_token"'],
  ])('401 for a write with %s, before its body is read', async (_name, authorization, challenge) => {
    const response = await fetch(`${service.api}/venues`, {
      method: 'POST',
      body: 'not even JSON',
      ...(authorization !== undefined && { headers: { Authorization: authorization } }),
    });
    expect(await problemOf(response)).toEqual([401, 'unauthorized']);
    expect(response.headers.get('www-authenticate')).toBe(challenge);
  });

  it('no token whose scheme is written in another case', async () => {
    const response = await service.send('POST', '/venues', venue, { Authorization: `bearer ${token}` });
    expect(response.status).toBe(201);
  });

  it.each(['{"name":', '', '\u0000', 'NaN'])('400 for the body %j', async (body) => {
    expect(
      await problemOf(await service.send('POST', '/venues', body, { 'Content-Type': 'application/json' })),
    ).toEqual([400, 'malformed-json']);
  });

  it('400 for bytes that are not UTF-8', async () => {
    const response = await fetch(`${service.api}/venues`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: Buffer.from('{"name":"caf\u00E9","city":"Paris"}', 'latin1'),
    });
    expect(await problemOf(response)).toEqual([400, 'malformed-json']);
  });

  it.each([
    [{ 'Content-Type': 'text/plain' }],
    [{ 'Content-Type': 'application/merge-patch+json' }],
    [{ 'Content-Type': 'application/json; charset=euc-kr' }],
    [{ 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }],
  ])('415 for %j, and says what would do', async (headers) => {
    const response = await service.send('POST', '/venues', venue, headers);
    expect(await problemOf(response)).toEqual([415, 'unsupported-media-type']);
    expect(response.headers.get('accept-post')).toBe('application/json');
  });

  it('413 for a body above 1 MiB, declared or not', async () => {
    const tooLarge = JSON.stringify({ ...venue, padding: 'x'.repeat(1024 * 1024) });
    expect(
      await problemOf(await service.send('POST', '/venues', tooLarge, { 'Content-Type': 'application/json' })),
    ).toEqual([413, 'body-too-large']);
    const chunked = await fetch(`${service.api}/venues`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: new Blob([tooLarge]).stream(),
      duplex: 'half',
    });
    expect(await problemOf(chunked)).toEqual([413, 'body-too-large']);
  });

  it('no body of 1 MiB', async () => {
    const name = ' '.repeat(1024 * 1024 - JSON.stringify(venue).length);
    const response = await service.send('POST', '/venues', `${name}${JSON.stringify(venue)}`, {
      'Content-Type': 'application/json',
    });
    expect(response.status).toBe(201);
  });

  it('414 for a long address, 431 for large headers', async () => {
    expect(await problemOf(await service.send('GET', `/performances?city=${'x'.repeat(5_000)}`))).toEqual([
      414,
      'uri-too-long',
    ]);
    const large = await fetch(`${service.api}/version`, { headers: { 'X-Large': 'x'.repeat(20_000) } });
    expect(large.status).toBe(431);
    expect(large.headers.get('content-type')).toBe('application/problem+json');
    expect(await large.json()).toMatchObject({ code: 'headers-too-large' });
  });

  it('400 for what is not HTTP', async () => {
    const answer = await sendRaw(service.apiPort, 'HELLO\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(problemIn(answer)).toMatchObject({ code: 'malformed-request' });
  });

  it('400 for what is not HTTP to a client that goes on sending', async () => {
    const socket = connect(service.apiPort, '127.0.0.1');
    const received: string[] = [];
    socket.setEncoding('utf8').on('data', (text: string) => received.push(text));
    const ended = once(socket, 'close');
    socket.write('HELLO\r\n\r\n');
    for (let piece = 0; piece < 20; piece += 1) {
      socket.write('x'.repeat(64 * 1024));
      await setImmediate();
    }
    socket.end();
    await ended;
    expect(problemIn(received.join(''))).toMatchObject({ status: 400, code: 'malformed-request' });
  });

  it.each([
    ['an address that is no URL', 'GET http://[ HTTP/1.1\r\nHost: x', 400, 'malformed-request'],
    ['an address without a path', 'GET version HTTP/1.1\r\nHost: x', 400, 'malformed-request'],
    ['no Host', 'GET /version HTTP/1.1', 400, 'malformed-request'],
    ['an expectation', 'GET /version HTTP/1.1\r\nHost: x\r\nExpect: miracles', 417, 'expectation-failed'],
  ])('%s: %j is a problem document', async (_name, head, status, code) => {
    const answer = await sendRaw(service.apiPort, `${head}\r\nConnection: close\r\n\r\n`);
    expect(answer).toContain('\r\nContent-Type: application/problem+json\r\n');
    expect(problemIn(answer)).toMatchObject({ status, code });
  });

  it.each(['GET http://x/version HTTP/1.1\r\nHost: x', 'GET /version HTTP/1.0'])('not the request %j', async (head) => {
    const answer = await sendRaw(service.apiPort, `${head}\r\nConnection: close\r\n\r\n`);
    expect(problemIn(answer)).toMatchObject({ commit: 'commit-under-test' });
  });

  it.each([
    ['/venues/%zz', '/venues/%25zz'],
    ['/venues/{id}?x', '/venues/%7Bid%7D'],
    ['/venues/"<1>"', '/venues/%22%3C1%3E%22'],
    ['//[/1', undefined],
  ])('the address %s with an instance that is a URI, %s', async (target, instance) => {
    const request = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'latin1');
    const { instance: named } = z
      .object({ instance: z.string().optional() })
      .parse(problemIn(await sendRaw(service.apiPort, request)));
    expect(named).toBe(instance);
  });

  it('a body that is no HTTP with the id that the request has', async () => {
    const head = `POST /venues HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;
    const answer = await sendRaw(service.apiPort, `${head}Transfer-Encoding: chunked\r\n\r\nno length\r\n`);
    const requestId = /^X-Request-Id: (.+)\r$/m.exec(answer)?.[1];
    expect(problemIn(answer)).toMatchObject({ status: 400, requestId: requestId ?? 'none' });
  });

  it('a body that is no HTTP without the headers of another refusal', async () => {
    const answer = await sendRaw(
      service.apiPort,
      'POST /venues HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: gzip\r\n\r\n',
    );
    expect(problemIn(answer)).toMatchObject({ status: 400, code: 'malformed-request' });
    expect(answer).not.toContain('WWW-Authenticate');
  });

  it('names a number that JSON has and no program', async () => {
    const response = await service.send('POST', '/performances/1/showtimes', '{"hallId":1e400,"startsAt":-1e400}', {
      'Content-Type': 'application/json',
    });
    expect(await response.json()).toMatchObject({
      detail: 'body /hallId must be of type number, got "Infinity", and 1 more in "errors"',
      errors: [
        { pointer: '/hallId', value: 'Infinity' },
        { pointer: '/startsAt', value: '-Infinity' },
      ],
    });
  });

  it.each([
    ['blocks that are numbers', largePlan('0,'.repeat(500_000).slice(0, -1)), 1],
    ['blocks without anything', largePlan('{},'.repeat(340_000).slice(0, -1)), 1],
    ['unknown names', `{"name":"x","seatingPlan":{"floors":[]}${unknownNames}}`, 100],
    ['a long unknown name', `{"name":"x","seatingPlan":{"floors":[]},"${'x'.repeat(1_000_000)}":1}`, 1],
  ])('1 MiB of %s with a few of its violations', async (_name, body, errors) => {
    const response = await service.send('POST', '/venues/1/halls', body, { 'Content-Type': 'application/json' });
    const text = await response.text();
    expect([response.status, text.length < 20_000]).toEqual([422, true]);
    expect(JSON.parse(text)).toHaveProperty('errors.length', errors);
  });

  it('nothing into the answer of another request', async () => {
    const good = 'GET /version HTTP/1.1\r\nHost: x\r\n\r\n';
    expect(await sendRaw(service.apiPort, `${good}HELLO\r\n\r\n`)).toBe('');

    const answered = await sendRaw(
      service.apiPort,
      'POST /venues HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nand no more of it',
    );
    expect(answered.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401']);
  });

  it('garbage behind an answer with an answer of its own', async () => {
    const socket = connect(service.apiPort, '127.0.0.1').setEncoding('utf8');
    let answers = '';
    socket.on('data', (text: string) => (answers += text));
    socket.write('GET /version HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.write('HELLO\r\n\r\n');
    await once(socket, 'close');
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
  });

  it('and counts what it refused', async () => {
    await sendRaw(service.apiPort, 'HELLO\r\n\r\n');
    const head = `POST /venues HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;
    await sendRaw(service.apiPort, `${head}Content-Length: 100\r\n\r\n{"name":`);
    const metrics = await (await fetch(`${service.admin}/metrics`)).text();
    expect(metrics).toMatch(/^http_server_unparsed_requests_total\{status="400"\} [1-9]/m);
    expect(metrics).toContain('http_server_unparsed_requests_total{status="413"} 0');
    expect(metrics).toMatch(/seconds_count\{method="POST",route="\/venues",status="408"\} [1-9]/);
  });

  it('408 for a request that does not arrive in time', async () => {
    const head = `POST /venues HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;
    const answer = await sendRaw(service.apiPort, `${head}Content-Length: 100\r\n\r\n{"name":`);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"code":"request-timeout"');
  });

  it('takes a modest request id from the client, and makes its own otherwise', async () => {
    const given = await service.send('GET', '/version', undefined, { 'X-Request-Id': 'order-17.a' });
    expect(given.headers.get('x-request-id')).toBe('order-17.a');
    const made = await service.send('GET', '/version', undefined, { 'X-Request-Id': 'x'.repeat(65) });
    const next = await service.send('GET', '/version');
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f]{12}-\w+$/);
    expect(next.headers.get('x-request-id')).not.toBe(made.headers.get('x-request-id'));
    expect(service.lines.some((line) => line.includes('"requestId":"order-17.a"'))).toBe(true);
  });
});

describe('a request that breaks off while it is worked on', () => {
  it('is refused once, and no failure of the service', async () => {
    const reads = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    const performanceCache: PerformanceCache = {
      async read() {
        reads.resolve();
        await answered.promise;
        return { representation: createRepresentation({ id: 1 }), result: 'bypass', ageSeconds: 0 };
      },
      invalidate: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const service = await startService({ LOG_LEVEL: 'debug' }, { performanceCache });
    onTestFinished(() => service.stop());
    const sent = sendRaw(
      service.apiPort,
      'GET /performances/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n',
    );
    await reads.promise;
    expect(problemIn(await sent)).toMatchObject({ status: 400, code: 'malformed-request' });
    answered.resolve();
    await vi.waitFor(() => expect(service.lines.join()).toContain('"route":"/performances/{id}","status":400'));
    expect(service.lines.filter((line) => line.includes('request-failed'))).toEqual([]);
  });
});

describe('what goes wrong inside', () => {
  const failures: Record<string, Error> = {
    '1': new DomainError('overloaded', 'waited 2000 ms for a connection of pool canary-inside'),
    '2': new DomainError('database-unavailable', 'connect ECONNREFUSED canary-inside:5432'),
    '3': new TypeError(`canary-inside: x is not a function, token ${token}`),
    '4': new DomainError('overloaded', '10 loads of canary-inside are in flight', { retryAfterSeconds: 3 }),
  };
  const performanceCache: PerformanceCache = {
    read: (key) => Promise.reject(failures[key.kind === 'detail' ? String(key.performanceId) : ''] ?? new Error('?')),
    invalidate: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  let service: ServiceUnderTest;
  beforeAll(async () => {
    service = await startService({}, { performanceCache });
  });
  afterAll(() => service.stop());

  it.each([
    ['1', 503, 'overloaded', '1'],
    ['2', 503, 'database-unavailable', '5'],
    ['3', 500, 'internal-error', null],
    ['4', 503, 'overloaded', '3'],
  ])('failure %s is %i %s, with Retry-After %s and nothing of the inside', async (id, status, code, retryAfter) => {
    const response = await service.send('GET', `/performances/${id}`);
    expect(response.status).toBe(status);
    expect(response.headers.get('retry-after')).toBe(retryAfter);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code });
    expect(text).not.toContain('canary');
  });

  it('refuses a cursor that is none of ours without asking the cache', async () => {
    const [wrong, right] = ['abc', encodeListCursor({ startsAt: '2026-12-01T10:00:00.000Z', performanceId: 1 })];
    expect((await service.send('GET', `/performances?cursor=${wrong}`)).status).toBe(422);
    expect((await service.send('GET', `/performances?cursor=${right}`)).status).toBe(500);
  });

  it('logs what it does not tell, under the request id and without the token', async () => {
    const response = await service.send('GET', '/performances/3');
    const line = service.lines.find((text) => text.includes(response.headers.get('x-request-id') ?? '?'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({
      level: 'error',
      event: 'request-failed',
      err: { message: 'canary-inside: x is not a function, token [redacted]' },
    });
  });
});
