import * as fc from 'fast-check';

import { type ApiDocument, type Operation, operationsOf } from './documented-api.ts';
import { hostileBody } from './hostile-bodies.ts';
import { validText } from './schema-arbitrary.ts';

/**
 * How the bytes on the connection are: `right`; `cut`: the connection ends before the declared end of the body;
 * `behind`: the body goes on behind its declared end; `broken`: lines in the head that HTTP/1.1 does not have.
 */
export type Framing = 'right' | 'cut' | 'behind' | 'broken';

export interface HostileRequest {
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
  /** As they follow each other, the framing's own last. */
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
  readonly framing: Framing;
  /** For messages: what the body was made as. */
  readonly made: string;
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'M-SEARCH', 'QUERY'];

/** Requests of the documented operations and of their neighbours; `token` is the right one. */
export function hostileRequest(document: ApiDocument, token: string): fc.Arbitrary<HostileRequest> {
  const each = operationsOf(document).map((operation) => requestNear(document, operation, token));
  return fc.oneof(...each);
}

function requestNear(document: ApiDocument, operation: Operation, token: string): fc.Arbitrary<HostileRequest> {
  return fc
    .record({
      method: mostly(operation.method, fc.constantFrom(...methods)),
      target: hostileTarget(operation),
      protocol: mostly('HTTP/1.1', fc.constantFrom('HTTP/1.0', 'HTTP/1.1', 'HTTP/2.0', 'http/1.1', 'HTTP/9.9')),
      headers: hostileHeaders(operation, token),
      body: hostileBody(document, operation),
      framing: mostly<Framing>('right', fc.constantFrom('right', 'cut', 'behind', 'broken')),
      broken: fc.constantFrom(...brokenLines),
    })
    .map(({ headers, body, framing: wanted, broken, ...request }) => {
      // Whether an answer has a body is known of HEAD only while all is right.
      const tame = request.method === 'HEAD' || (body.bytes === undefined && wanted !== 'broken');
      const framing = tame ? 'right' : wanted;
      const own = framing === 'broken' ? ['Connection: close', ...broken] : framingLines(body.bytes, framing);
      // No request begins with NUL, so that nobody waits for the rest of one.
      const bytes = framing === 'behind' && body.bytes ? Buffer.concat([body.bytes, Buffer.of(0)]) : body.bytes;
      return { ...request, headers: [...headers, ...own], body: bytes, framing, made: body.made };
    });
}

/** Often enough as it should be that what comes behind it is reached. */
function mostly<Value>(right: Value, others: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.oneof({ weight: 14, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: others });
}

const brokenLines: readonly (readonly string[])[] = [
  ['Content-Length: -1'],
  ['Content-Length: 1e3'],
  ['Content-Length: 99999999999999999999999'],
  ['Content-Length: 1', 'Content-Length: 2'],
  ['Content-Length: 3', 'Transfer-Encoding: chunked'],
  ['Transfer-Encoding: gzip'],
  ['Transfer-Encoding: chunked, identity'],
  ['no colon'],
  ['X Y: space in the name'],
  ['X-Nul: \0'],
  ['X-Bare: a\nb: c'],
  [' X-Folded: at the start'],
  [': no name'],
  [`${'x'.repeat(20_000)}: long name`],
  ['Upgrade: h2c', 'Connection: Upgrade'],
  ['Host: another', 'Host: third'],
];

function framingLines(body: Buffer | undefined, framing: Framing): readonly string[] {
  if (body === undefined) return [];
  const lie = { right: 0, cut: 7, behind: -Math.ceil(body.length / 2), broken: 0 }[framing];
  return [`Content-Length: ${body.length + lie}`];
}

const wholeNumbers = '0 -1 01 1.0 1e1 9007199254740991 9007199254740992 1e400'.split(' ').concat('9'.repeat(300));
/** Of the seat creation and the dead letter that are there, and of a letter that is not. */
const namedIds = ['00000000-0000-4000-8000-000000000001', '2-1', '1-1'];
const hostileIds = [
  ...wholeNumbers,
  ...`%31 %00 %zz % %C0%AF %ED%A0%80 %2e%2e%2f .. 1'-- 1%20or%201 1;x=1 {id} \u00E9 "<>\\^\`| [1] __proto__`.split(' '),
  ...namedIds,
  '',
];

function hostileTarget({ path, documented }: Operation): fc.Arbitrary<string> {
  const isNumber = documented.parameters?.find((parameter) => parameter.in === 'path')?.schema.type === 'integer';
  const id = fc.oneof(
    { weight: 8, arbitrary: isNumber ? fc.integer({ min: 1, max: 8 }).map(String) : fc.constantFrom(...namedIds) },
    { weight: 2, arbitrary: fc.constantFrom(...hostileIds) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 8 }).map(withoutBlanks) },
  );
  const right = id.map((text) => path.replace('{id}', text));
  const near = fc.tuple(right, fc.constantFrom(...neighbours)).map(([text, bend]) => bend(text));
  return fc
    .tuple(fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: near }), hostileQuery(documented))
    .map(([target, query]) => `${target}${query}`);
}

const neighbours: readonly ((path: string) => string)[] = [
  (path) => `${path}/`,
  (path) => `/${path}`,
  (path) => path.toUpperCase(),
  (path) => path.slice(0, -1),
  (path) => `${path}%2Fx`,
  (path) => `${path}/../../${path}`,
  (path) => path.replace('s', '%73'),
  (path) => `${path}#fragment`,
  (path) => `http://x${path}`,
  (path) => `http://u:p@[::1]:99999${path}`,
  (path) => `ftp://x${path}`,
  (path) => path.slice(1),
  (path) => `${path}${'/x'.repeat(3_000)}`,
  () => '*',
  () => '/',
  () => '/constructor/__proto__',
];

const withoutBlanks = (text: string): string => text.replaceAll(/[\0\t\n\r ]/g, '_');

function hostileQuery({ parameters = [] }: Operation['documented']): fc.Arbitrary<string> {
  const known = parameters.filter((parameter) => parameter.in === 'query');
  const names = fc.constantFrom(...known.map(({ name }) => name), ...(known.length > 0 ? [] : ['x', '__proto__']));
  const values = fc.oneof(
    fc.constantFrom(...wholeNumbers, '', '%', '%00', '%ED%A0%80', '1&limit=2', '[]', 'x'.repeat(201), '\u00E9', 'play'),
    fc.constantFrom('1', '20', '100', '1000', 'WyIyOTk5LTAxLTAxVDAwOjAwOjAwLjAwMFoiLDFd', '999999999999999-1'),
    fc.string({ unit: 'binary', maxLength: 10 }).map((text) => encodeURIComponent(text.toWellFormed())),
    ...known.filter(({ schema }) => schema.type === 'string').map(({ schema }) => validText(schema).map(encode)),
  );
  const pair = fc.tuple(names, values).map(([name, value]) => `${name}=${value}`);
  const none = fc.constant('');
  const queries = fc.array(pair, { minLength: 1, maxLength: 3 }).map((pairs) => `?${pairs.join('&')}`);
  const odd = fc.constantFrom('?', '?&&&', '?=', '?limit', `?city=${'x'.repeat(5_000)}`, '?a[b]=1', '?__proto__=1');
  return fc.oneof(
    { weight: known.length > 0 ? 4 : 20, arbitrary: none },
    { weight: 4, arbitrary: queries },
    { weight: 1, arbitrary: odd },
  );
}

const encode = (text: string): string => encodeURIComponent(text);

function hostileHeaders({ documented }: Operation, token: string): fc.Arbitrary<readonly string[]> {
  const [mediaType = 'application/json'] = Object.keys(documented.requestBody?.content ?? {});
  const authorizations = [
    'Authorization: Bearer',
    `Authorization: Bearer ${token}x`,
    `Authorization: Basic ${token}`,
    `Authorization: Bearer ${'x'.repeat(8_000)}`,
    `Authorization: bEaReR   ${token}  `,
    'Authorization: \u00FF\u00FE',
  ];
  const mediaTypes = ['text/plain', `${mediaType}; charset=utf-16`, '/', ';;;', 'application/json;charset=\u00FF', ''];
  return fc
    .tuple(
      mostly<readonly string[]>(['Host: fuzz'], fc.constantFrom([], ['Host:'], ['Host: a b'], ['Host: \u00E9'])),
      mostly<readonly string[]>([`Authorization: Bearer ${token}`], fc.subarray(authorizations, { maxLength: 2 })),
      mostly(`Content-Type: ${mediaType}`, fc.constantFrom(...mediaTypes.map((type) => `Content-Type: ${type}`))),
      mostly<readonly string[]>([], fc.subarray([...oddHeaders], { maxLength: 3 })),
      fc.option(headerText('Idempotency-Key'), { nil: [], freq: 3 }),
      fc.option(headerText('If-None-Match'), { nil: [], freq: 12 }),
    )
    .map(([host, authorization, type, odd, key, match]) =>
      [...host, ...authorization, type, ...odd, key, match].flat(),
    );
}

const oddHeaders = [
  'Accept: text/html',
  'Accept: ;q=\u00FF,,/*',
  `Accept: ${'a/b,'.repeat(3_000)}`,
  'If-None-Match: *',
  `If-None-Match: ${'"'.repeat(8_000)}`,
  'Expect: 100-continue',
  'Expect: 200-ok',
  'Content-Encoding: gzip',
  'X-Request-Id: \u00E9',
  'X-Request-Id: a-modest.id',
  'Connection: close',
  'Connection: \u00FF',
  'Range: bytes=0-999999999999',
  'Cookie: a=b',
  `X-Large: ${'x'.repeat(17_000)}`,
];

function headerText(name: string): fc.Arbitrary<string> {
  const text = fc.oneof(
    fc.constantFrom('first', '', 'two words', '"tag"', 'x'.repeat(256), '\u00E9'),
    fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 20 }),
  );
  return text.map((value) => `${name}: ${value.replaceAll('\x7F', '')}`);
}
