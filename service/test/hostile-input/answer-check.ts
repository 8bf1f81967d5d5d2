import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import {
  type ApiDocument,
  type DocumentedOperation,
  type DocumentedResponse,
  findOperation,
  findPath,
} from './documented-api.ts';
import type { HostileRequest } from './hostile-requests.ts';
import type { Exchange, RawAnswer } from './raw-connection.ts';

export interface AnswerCheckOptions {
  readonly document: ApiDocument;
  /** What no answer may contain. */
  readonly secrets: readonly string[];
  /** What an answer may take. */
  readonly longestMs: number;
}

/** What is wrong with the answers to a request, in words; nothing, when they are as the document says. */
export type AnswerCheck = (request: HostileRequest, exchange: Exchange) => readonly string[];

interface Problem {
  readonly code: string;
  readonly status: number;
  readonly requestId?: string;
  readonly errors?: readonly { readonly in: string; readonly pointer: string; readonly value?: unknown }[];
}

/** What can be refused before there is an operation. */
const beforeRouting = ['400', '408', '413', '414', '417', '431'];
const insides = [
  /(?:\n|\\n)\s+at .+:\d+/,
  /node:internal|node_modules/,
  /\/src\/[\w/-]+\.(?:ts|lua)/,
  /SQLITE_|\bselect .+ from |\binsert into /,
];
/** Naming some values is of use; sending all that was wrong back is work for nothing. */
const longestRefusalBytes = 64 * 1024;

export function createAnswerCheck({ document, secrets, longestMs }: AnswerCheckOptions): AnswerCheck {
  const validatorOf = createValidators(document);

  return (request, { answers, milliseconds }) => [
    ...(answers.length === 0 && request.framing === 'right' ? ['there is no answer'] : []),
    ...(milliseconds > longestMs ? [`it took ${Math.round(milliseconds)} ms`] : []),
    ...answers.flatMap((answer, index) => {
      // What follows the first is an answer to bytes that were meant as something else.
      const asked = index === 0 ? request : undefined;
      return [
        ...insideProblems(answer, secrets),
        ...checkAnswer(asked, answer).map((text) => `${answer.status}: ${text}`),
      ];
    }),
  ];

  function checkAnswer(request: HostileRequest | undefined, answer: RawAnswer): readonly string[] {
    const path = request && findPath(document, request.target);
    const operation = request && findOperation(document, request);
    const statuses = allowedStatuses(path, operation, request);
    const status = String(answer.status);
    // A 503 that is documented says when to come again.
    if (answer.status >= 500 && answer.status !== 503) return [`a failure: ${answer.body.toString()}`];
    if (!statuses.includes(status)) return [`not documented for ${operation?.operationId ?? 'this address'}`];
    const response = operation?.responses[status];
    if (request?.method === 'HEAD' || answer.status === 304 || answer.status === 204)
      return answer.body.length > 0 ? ['has a body'] : [];
    if (answer.status >= 400) return refusalProblems(answer, response, request);
    const validate = validatorOf(response, 'application/json');
    return answer.headers.get('content-type')?.startsWith('application/json') === true
      ? schemaProblems(validate, answer)
      : [`content-type ${answer.headers.get('content-type')}`];
  }

  function refusalProblems(
    answer: RawAnswer,
    response: DocumentedResponse | undefined,
    request: HostileRequest | undefined,
  ): readonly string[] {
    if (answer.headers.get('content-type') !== 'application/problem+json')
      return [`content-type ${answer.headers.get('content-type')}: ${answer.body.toString().slice(0, 300)}`];
    const problems = schemaProblems(validatorOf(response, 'application/problem+json'), answer);
    if (problems.length > 0) return problems;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its schema was held to
    const problem = JSON.parse(answer.body.toString()) as Problem;
    return [
      ...headerProblems(answer, problem, response),
      ...(document['x-problems'][problem.code]?.status === answer.status ? [] : [`code ${problem.code}`]),
      ...(problem.status === answer.status ? [] : [`status ${problem.status} in the document`]),
      ...(answer.body.length > longestRefusalBytes ? [`${answer.body.length} bytes of refusal`] : []),
      ...(request === undefined ? [] : namingProblems(problem, request)),
    ];
  }
}

function allowedStatuses(
  path: string | undefined,
  operation: DocumentedOperation | undefined,
  request: HostileRequest | undefined,
): readonly string[] {
  if (operation !== undefined)
    return [...Object.keys(operation.responses), ...(request?.framing === 'right' ? [] : ['413'])];
  if (path === undefined) return [...beforeRouting, '404'];
  return [...beforeRouting, request?.method === 'OPTIONS' ? '204' : '405'];
}

function insideProblems({ headers, body }: RawAnswer, secrets: readonly string[]): readonly string[] {
  const text = `${JSON.stringify([...headers])}${body.toString()}`;
  return [
    ...insides.filter((inside) => inside.test(text)).map((inside) => `shows the inside, ${String(inside)}`),
    ...secrets.filter((secret) => text.includes(secret)).map(() => 'shows a secret'),
  ];
}

function headerProblems(
  { status, headers }: RawAnswer,
  { requestId }: Problem,
  response: DocumentedResponse | undefined,
): readonly string[] {
  const needed: Readonly<Record<number, string>> = { 401: 'www-authenticate', 405: 'allow', 503: 'retry-after' };
  const name = needed[status];
  const said = ['accept-post', 'accept-patch', 'retry-after', 'www-authenticate', 'x-request-id'];
  const documented = new Set(Object.keys(response?.headers ?? {}).map((header) => header.toLowerCase()));
  return [
    ...(name === undefined || headers.has(name) ? [] : [`has no ${name}`]),
    ...(status === 415 && !headers.has('accept-post') && !headers.has('accept-patch') ? ['has no accept-post'] : []),
    ...(response ? said.filter((header) => headers.has(header) && !documented.has(header)) : []).map(
      (header) => `${header} is not documented`,
    ),
    ...(headers.get('x-request-id') === requestId ? [] : [`request id ${requestId}`]),
    ...(headers.get('cache-control') === 'no-store' ? [] : ['may be stored']),
  ];
}

/** 422 says which value: at its place in the body, or by the name of its parameter. */
function namingProblems({ code, status, errors = [] }: Problem, { body }: HostileRequest): readonly string[] {
  if (status !== 422 || code === 'idempotency-key-reused' || code === 'dead-letter-unreadable') return [];
  if (errors.length === 0) return [`${code} names no value`];
  return errors.flatMap((error) => {
    if (error.in !== 'body')
      return /^\/[^/]*$/.test(error.pointer) ? [] : [`pointer ${error.pointer} into ${error.in}`];
    const found = lookUp(JSON.parse(new TextDecoder().decode(body)), error.pointer);
    if (found === undefined) return [`there is nothing around ${error.pointer}`];
    return error.value === undefined || isEcho(error.value, found.value)
      ? []
      : [`${error.pointer} is ${JSON.stringify(found.value)?.slice(0, 100)}, not ${JSON.stringify(error.value)}`];
  });
}

/** What stands there; `value` is `undefined` where a value is missing. */
function lookUp(json: unknown, pointer: string): { readonly value: unknown } | undefined {
  const steps = pointer.split('/').slice(1);
  let value = json;
  for (const [index, step] of steps.entries()) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null) return undefined;
    const own: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
    if (own === undefined && index < steps.length - 1) return undefined;
    value = own;
  }
  return { value };
}

/** A long text is cut; what JSON has no word for is written as text. */
function isEcho(echo: unknown, value: unknown): boolean {
  if (typeof echo === 'string' && typeof value === 'string' && echo.endsWith('…'))
    return value.startsWith(echo.slice(0, -1));
  if (typeof value === 'number' && !Number.isFinite(value)) return echo === String(value);
  return echo === value;
}

type Validators = (response: DocumentedResponse | undefined, mediaType: string) => ValidateFunction | undefined;

/** One for each schema object, whose references are those of the document. */
function createValidators(document: ApiDocument): Validators {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  addFormats.default(ajv);
  const base = 'https://ticketing.test/openapi.json';
  ajv.addSchema({ ...document, $id: base });
  const compiled = new Map<string, ValidateFunction>();
  return (response, mediaType) => {
    const schema = response ? response.content?.[mediaType]?.schema : problemReference;
    if (schema === undefined) return undefined;
    const text = JSON.stringify(schema).replaceAll('"#/', `"${base}#/`);
    const absolute: object = JSON.parse(text);
    const known = compiled.get(text) ?? ajv.compile(absolute);
    compiled.set(text, known);
    return known;
  };
}

const problemReference = { $ref: '#/components/schemas/Problem' };

function schemaProblems(validate: ValidateFunction | undefined, { body }: RawAnswer): readonly string[] {
  if (validate === undefined) return ['no schema is documented'];
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch (error) {
    return [`not JSON: ${String(error)}`];
  }
  return validate(json) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
