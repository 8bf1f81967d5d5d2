import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { type ServiceUnderTest, startService } from '../http/service-under-test.ts';
import { type AnswerCheck, createAnswerCheck } from './answer-check.ts';
import type { ApiDocument } from './documented-api.ts';
import { fuzz, prepare, readDocument } from './fuzz.ts';
import { type FuzzedService, startFuzzedService, token } from './fuzzed-service.ts';
import type { HostileRequest } from './hostile-requests.ts';
import { createRawConnection, type Exchange, type RawAnswer } from './raw-connection.ts';

function requestOf(method: string, target: string, headers: readonly string[] = [], text?: string): HostileRequest {
  const body = text === undefined ? undefined : Buffer.from(text);
  const length = body ? [`Content-Length: ${body.length}`] : [];
  const all = ['Host: x', ...headers, ...length];
  return { method, target, protocol: 'HTTP/1.1', headers: all, body, framing: 'right', made: 'by hand' };
}

const write = ['Authorization: Bearer canary-token-4c1d0a77', 'Content-Type: application/json'];
const requests = {
  created: requestOf('POST', '/venues', write, '{"name":"Blue Square","city":"Seoul"}'),
  found: requestOf('GET', '/venues/1'),
  refused: requestOf('POST', '/venues', write, '{"name":1,"city":"Seoul"}'),
  unauthorized: requestOf('POST', '/venues', [], '{}'),
  otherMethod: requestOf('DELETE', '/venues/1'),
  otherType: requestOf('POST', '/venues', [write[0] ?? '', 'Content-Type: text/plain'], '{}'),
};

type Change = (answer: RawAnswer) => Partial<RawAnswer>;

const withFields =
  (fields: object): Change =>
  ({ body }) => ({ body: Buffer.from(JSON.stringify({ ...JSON.parse(body.toString()), ...fields })) });
const withHeader =
  (name: string, value: string | undefined): Change =>
  ({ headers }) => {
    const others = [...headers].filter(([known]) => known !== name);
    return { headers: new Map(value === undefined ? others : [...others, [name, value]]) };
  };
const unavailable: Change = ({ headers }) => ({
  status: 503,
  headers: new Map([...headers, ['content-type', 'application/problem+json']]),
  body: Buffer.from(JSON.stringify({ type: 'x', title: 'x', status: 503, detail: 'x', code: 'overloaded' })),
});
const violation = { in: 'body', pointer: '/name', value: 1, expected: 'a text' };

/** Answers as no service may give them, and what the check has to say. */
const wrongAnswers: readonly (readonly [string, keyof typeof requests, Change, string])[] = [
  ['a failure', 'found', () => ({ status: 500 }), '500: a failure'],
  ['a status that is not documented', 'found', () => ({ status: 418 }), '418: not documented for getVenue'],
  ['the success of another operation', 'found', () => ({ status: 202 }), '202: not documented'],
  ['a stack trace', 'refused', withFields({ detail: new Error('here').stack }), 'shows the inside'],
  ['a path of the sources', 'refused', withFields({ detail: '/srv/service/src/http/app.ts' }), 'shows the inside'],
  ['a statement', 'found', withFields({ name: 'select id from venues' }), 'shows the inside'],
  ['a secret', 'refused', withFields({ detail: `token ${token}` }), 'shows a secret'],
  ['a secret in a header', 'found', withHeader('x-token', token), 'shows a secret'],
  ['another media type of a refusal', 'refused', withHeader('content-type', 'text/plain'), 'content-type text/plain'],
  ['another media type of a success', 'found', withHeader('content-type', 'text/html'), 'content-type text/html'],
  ['a success of another shape', 'found', withFields({ id: '1' }), '/id must be integer'],
  ['a refusal that is no JSON', 'refused', () => ({ body: Buffer.from('no') }), 'not JSON'],
  ['a refusal without a code', 'refused', withFields({ code: undefined }), "must have required property 'code'"],
  ['a code that nobody knows', 'refused', withFields({ code: 'unheard-of' }), 'code unheard-of'],
  ['the code of another status', 'refused', withFields({ code: 'unauthorized' }), 'code unauthorized'],
  ['a status beside the status', 'refused', withFields({ status: 400 }), 'status 400 in the document'],
  ['the id of another request', 'refused', withFields({ requestId: 'other' }), 'request id other'],
  ['a refusal that may be stored', 'refused', withHeader('cache-control', undefined), 'may be stored'],
  ['no value', 'refused', withFields({ errors: [] }), 'names no value'],
  [
    'a pointer to nowhere',
    'refused',
    withFields({ errors: [{ ...violation, pointer: '/a/b' }] }),
    'nothing around /a/b',
  ],
  ['another value', 'refused', withFields({ errors: [{ ...violation, value: 2 }] }), '/name is 1, not 2'],
  ['a refusal without end', 'refused', withFields({ detail: 'x'.repeat(70_000) }), 'bytes of refusal'],
  ['no challenge', 'unauthorized', withHeader('www-authenticate', undefined), 'has no www-authenticate'],
  ['no methods', 'otherMethod', withHeader('allow', undefined), 'has no allow'],
  ['no media types', 'otherType', withHeader('accept-post', undefined), 'has no accept-post'],
  ['a 503 without a wait', 'found', unavailable, 'has no retry-after'],
  ['a refusal that is no problem document', 'found', () => ({ status: 404 }), '404: content-type application/json'],
  ['a wait that is not documented', 'refused', withHeader('retry-after', '1'), 'retry-after is not documented'],
  ['a body of nothing', 'found', () => ({ status: 304 }), '304: has a body'],
];

describe('the check of answers', () => {
  let service: ServiceUnderTest;
  let document: ApiDocument;
  let check: AnswerCheck;
  const exchanges = new Map<string, Exchange>();
  beforeAll(async () => {
    service = await startService();
    document = await readDocument(service.apiPort);
    check = createAnswerCheck({ document, secrets: [token], longestMs: 1_000 });
    const connection = createRawConnection(service.apiPort, 5_000);
    for (const [name, request] of Object.entries(requests)) exchanges.set(name, await connection.exchange(request));
    connection.close();
  });
  afterAll(() => service.stop());

  it.each(Object.entries(requests))('finds nothing wrong with an answer of the service: %s', (name, request) => {
    expect(check(request, { answers: exchanges.get(name)?.answers ?? [], milliseconds: 1 })).toEqual([]);
  });

  it.each(wrongAnswers)('sees %s', (_name, of, change, problem) => {
    const [answer] = exchanges.get(of)?.answers ?? [];
    if (!answer) throw new Error(`there is no answer to ${of}`);
    const problems = check(requests[of], { answers: [{ ...answer, ...change(answer) }], milliseconds: 1 });
    expect(problems.join('\n')).toContain(problem);
  });

  it('sees that there is no answer, or a late one', () => {
    expect(check(requests.found, { answers: [], milliseconds: 1_001 })).toEqual([
      'there is no answer',
      'it took 1001 ms',
    ]);
  });
});

const control = new URL('../controls/hostile-input-control.ts', import.meta.url).pathname;

describe('the fuzz of a service that is wrong', () => {
  async function start(fault: string): Promise<FuzzedService> {
    const service = await startFuzzedService({ entry: [control, fault] });
    onTestFinished(() => service.stop());
    await prepare(service);
    return service;
  }
  const fuzzOf = async (service: FuzzedService) =>
    fuzz(service, await readDocument(service.apiPort), { cases: 400, seed: 1 });

  it('sees a failure, and shows the smallest request that makes it', async () => {
    const seen = await fuzzOf(await start('fail')).catch((error: unknown) => error);
    expect(seen).toMatchObject({
      cause: { message: expect.stringMatching(/^500: a failure: [^]*GET \/performances/) },
    });
  });

  it('sees that the process has ended', async () => {
    await expect(fuzzOf(await start('crash'))).rejects.toThrow(/Property failed|the process ended/);
  });

  it('sees that the event loop stood still', async () => {
    const seen = await fuzzOf(await start('block')).catch((error: unknown) => error);
    expect(seen).toMatchObject({ cause: { message: expect.stringMatching(/^it took [4-9]\d{3} ms\n/) } });
  });

  it('sees memory that is not given back', async () => {
    expect((await fuzzOf(await start('leak'))).growthBytes).toBeGreaterThan(12 * 1024 * 1024);
  });
});
