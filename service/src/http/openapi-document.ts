import {
  createDocument,
  type ZodOpenApiHeadersObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';
import { z } from 'zod';

import { isNamedByText, needsToken, noParameters, type Operation } from './operation.ts';
import { type ProblemCode, problemKinds, problemMediaType, problemType } from './problem-details.ts';
import { problemSchema } from './schemas.ts';

/** What every operation can answer, whatever it does. */
const everywhere: readonly ProblemCode[] = [
  'malformed-request',
  'not-acceptable',
  'request-timeout',
  'uri-too-long',
  'expectation-failed',
  'invalid-request',
  'headers-too-large',
  'internal-error',
];
const ofBodies: readonly ProblemCode[] = ['malformed-json', 'body-too-large', 'unsupported-media-type'];
/** The parser's refusals, before there is a request, have none of their own. */
const ofEveryAnswer = { 'X-Request-Id': 'Of the request, as it is in the log' };
const ofTheDatabase: readonly ProblemCode[] = ['overloaded', 'database-unavailable'];

/** OpenAPI 3.1 from the definitions that serve and validate. */
export function createOpenApiDocument(operations: readonly Operation[]): object {
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Ticketing',
      version: '0.1.0',
      description:
        'Venues, halls, performances and showtimes. Every refusal is a problem document (RFC 9457) with a stable ' +
        '`code`; `x-problems` lists them. Reads revalidate with `ETag` and `If-None-Match`. Ids are whole numbers ' +
        'from 1 to 2^53 - 1; an address with anything else in their place is 404.',
    },
    paths: Object.fromEntries(
      [...Map.groupBy(operations, ({ path }) => path)].map(([path, ofPath]) => [
        path,
        Object.fromEntries(ofPath.map((operation) => [operation.method, describeOperation(operation)])),
      ]),
    ),
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'API_TOKEN' } } },
  });
  return { ...document, 'x-problems': describeProblems() };
}

function describeOperation(operation: Operation): ZodOpenApiOperationObject {
  const { operationId, summary, resource, query, header, body, success } = operation;
  return {
    operationId,
    summary,
    requestParams: {
      ...(resource && {
        path: z.object({
          id: (isNamedByText(resource) ? z.string() : z.int().min(1)).meta({
            description: `Id of the ${resource.replace('-', ' ')}`,
          }),
        }),
      }),
      ...(query !== noParameters && { query }),
      ...(success.conditional && { header: z.object({ 'If-None-Match': z.string().optional() }) }),
      ...(header && { header }),
    },
    ...(body && {
      requestBody: {
        required: true,
        content: Object.fromEntries(body.mediaTypes.map((mediaType) => [mediaType, { schema: body.schema }])),
      },
    }),
    ...(needsToken(operation) && { security: [{ token: [] }] }),
    responses: describeResponses(operation),
  };
}

function describeResponses(operation: Operation): ZodOpenApiOperationObject['responses'] {
  const { success, summary } = operation;
  const headers = {
    ...ofEveryAnswer,
    ...(success.conditional && { ETag: 'Of these bytes' }),
    ...success.headers,
  };
  const refusals = [...Map.groupBy(possibleProblems(operation), (code) => problemKinds[code].status)];
  const responses: readonly (readonly [number, ZodOpenApiResponseObject])[] = [
    [
      success.status,
      {
        description: summary,
        headers: describeHeaders(headers),
        content: { 'application/json': { schema: success.schema } },
      },
    ],
    ...(success.conditional
      ? [[304, { description: 'The client has these bytes', headers: describeHeaders(headers) }] as const]
      : []),
    ...refusals.map(([status, codes]) => [status, describeRefusal(operation, codes)] as const),
  ];
  return Object.fromEntries(responses);
}

function describeRefusal(operation: Operation, codes: readonly ProblemCode[]): ZodOpenApiResponseObject {
  const headers = Object.assign({}, ofEveryAnswer, ...codes.map((code) => refusalHeaders(operation, code)));
  return {
    description: codes.map((code) => `\`${code}\`: ${problemKinds[code].title}`).join('. '),
    headers: describeHeaders(headers),
    content: { [problemMediaType]: { schema: problemSchema } },
  };
}

/** What tells a client more than the problem document does. */
function refusalHeaders({ method }: Operation, code: ProblemCode): Readonly<Record<string, string>> {
  if (problemKinds[code].retryAfterSeconds !== undefined) return { 'Retry-After': 'Seconds to wait' };
  if (code === 'unauthorized') return { 'WWW-Authenticate': 'Why the token did not do (RFC 6750)' };
  if (code === 'unsupported-media-type')
    return { [method === 'patch' ? 'Accept-Patch' : 'Accept-Post']: 'What the body may be' };
  return {};
}

function possibleProblems(operation: Operation): ProblemCode[] {
  const { method, resource, path, refusals = [] } = operation;
  const fromMemory = path === '/version' || path === '/openapi.json';
  return [
    ...new Set<ProblemCode>([
      ...everywhere,
      ...(method === 'get' ? [] : ofBodies),
      ...(needsToken(operation) ? (['unauthorized'] as const) : []),
      ...(resource ? [`${resource}-not-found` as const] : []),
      ...(fromMemory ? [] : ofTheDatabase),
      ...refusals,
    ]),
  ];
}

function describeHeaders(headers: Readonly<Record<string, string>>): ZodOpenApiHeadersObject {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: name === 'Age' || name === 'Retry-After' ? 'integer' : 'string' } as const },
    ]),
  );
}

function describeProblems(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(problemKinds).map(([code, { status, title }]) => [code, { type: problemType(code), status, title }]),
  );
}
