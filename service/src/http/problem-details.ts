import { DomainError, type DomainErrorCode } from '../domain-error.ts';

/** What only HTTP can refuse. */
export type HttpErrorCode =
  | 'malformed-request'
  | 'malformed-json'
  | 'not-found'
  | 'method-not-allowed'
  | 'not-acceptable'
  | 'request-timeout'
  | 'body-too-large'
  | 'uri-too-long'
  | 'unsupported-media-type'
  | 'expectation-failed'
  | 'headers-too-large'
  | 'internal-error';

export type ProblemCode = DomainErrorCode | HttpErrorCode;

export class HttpError extends Error {
  readonly code: HttpErrorCode;

  constructor(code: HttpErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'HttpError';
    this.code = code;
  }
}

export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** Said instead of the error's own message, which may know too much of the inside. */
  readonly detail?: string;
  /** Unless the error's facts have another. */
  readonly retryAfterSeconds?: number;
}

/** The one place that maps a refusal to its status. */
export const problemKinds: Readonly<Record<ProblemCode, ProblemKind>> = {
  'malformed-request': { status: 400, title: 'The request is not HTTP as it should be' },
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  unauthorized: { status: 401, title: 'A valid bearer token is needed' },
  'not-found': { status: 404, title: 'There is nothing at this address' },
  'venue-not-found': { status: 404, title: 'There is no such venue' },
  'hall-not-found': { status: 404, title: 'There is no such hall' },
  'performance-not-found': { status: 404, title: 'There is no such performance' },
  'showtime-not-found': { status: 404, title: 'There is no such showtime' },
  'seat-creation-not-found': { status: 404, title: 'There is no such seat creation' },
  'dead-letter-not-found': { status: 404, title: 'There is no such dead letter' },
  'method-not-allowed': { status: 405, title: 'This resource does not have that method' },
  'not-acceptable': { status: 406, title: 'The answer is JSON, which the request does not accept' },
  'request-timeout': { status: 408, title: 'The request was sent too slowly' },
  'seats-exist': { status: 409, title: 'The seats have been created' },
  'seat-creation-under-way': { status: 409, title: 'The seats are being created' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'uri-too-long': { status: 414, title: 'The address is too long' },
  'unsupported-media-type': { status: 415, title: 'The body must be JSON in UTF-8, not compressed' },
  'expectation-failed': { status: 417, title: 'The expectation can not be met' },
  'invalid-request': { status: 422, title: 'The request has values that it may not have' },
  'invalid-seating-plan': { status: 422, title: 'The seating plan contradicts itself' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key was used for another request' },
  'dead-letter-unreadable': { status: 422, title: 'The dead letter is no job that this version can read' },
  'headers-too-large': { status: 431, title: 'The header fields are too large' },
  'internal-error': {
    status: 500,
    title: 'The service failed',
    detail: 'The failure was logged under this request id.',
  },
  overloaded: {
    status: 503,
    title: 'The service has too much to do',
    detail: 'No capacity came free in time; send the request again later.',
    retryAfterSeconds: 1,
  },
  'database-unavailable': {
    status: 503,
    title: 'The database does not answer',
    detail: 'Nothing was read or confirmed; send the request again later.',
    retryAfterSeconds: 5,
  },
  'queue-full': {
    status: 503,
    title: 'The queue has too much to do',
    detail: 'Nothing was accepted; send the request again later.',
    retryAfterSeconds: 5,
  },
  'queue-unavailable': {
    status: 503,
    title: 'The queue can promise nothing now',
    detail: 'Nothing was confirmed; send the request again later, with the same Idempotency-Key.',
    retryAfterSeconds: 5,
  },
};

export const problemMediaType = 'application/problem+json';

/** Where `/openapi.json` describes this kind of problem. */
export const problemType = (code: string): string => `/openapi.json#/x-problems/${code}`;

export interface Problem {
  readonly code: ProblemCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON of RFC 9457, with `code`, `requestId` and the error's facts as extension members. */
  readonly body: string;
}

/** Any error as an answer. What is neither a `DomainError` nor an `HttpError` is an `internal-error`. */
export function toProblem(
  error: unknown,
  request: { readonly instance?: string; readonly requestId?: string },
): Problem {
  const expected = error instanceof DomainError || error instanceof HttpError;
  const code = expected ? error.code : 'internal-error';
  const { status, title, detail } = problemKinds[code];
  const facts = error instanceof DomainError ? error.facts : {};
  const retryAfterSeconds = facts['retryAfterSeconds'] ?? problemKinds[code].retryAfterSeconds;
  return {
    code,
    status,
    headers: {
      'Content-Type': problemMediaType,
      'Cache-Control': 'no-store',
      ...(typeof retryAfterSeconds === 'number' && { 'Retry-After': String(retryAfterSeconds) }),
    },
    body: JSON.stringify({
      ...(status < 500 && facts),
      type: problemType(code),
      title,
      status,
      detail: detail ?? (expected ? error.message : title),
      ...request,
      code,
    }),
  };
}
