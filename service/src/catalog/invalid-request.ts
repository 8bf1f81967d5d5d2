import { DomainError } from '../domain-error.ts';

/** One value that may not be as it is. */
export interface Violation {
  readonly in: 'body' | 'query' | 'header';
  /** JSON Pointer (RFC 6901) into the body or, for a query or a header field, `/` and its name. */
  readonly pointer: string;
  /** What was sent there; absent when nothing was, or when it is no scalar. */
  readonly value?: string | number | boolean | null;
  /** As it follows "must be". */
  readonly expected: string;
}

const longestEcho = 100;
const mostErrors = 100;

/** `invalid-request` with the violations, the first 100, as `errors`; a long text is cut. The message says the first. */
export function invalidRequest(violations: readonly Violation[], cause?: unknown): DomainError {
  const errors = violations.slice(0, mostErrors).map(({ value, ...violation }) => ({
    ...violation,
    ...(value !== undefined && { value: typeof value === 'string' ? cut(value) : value }),
  }));
  const [first] = errors;
  const more = violations.length - 1;
  const listed = more < mostErrors ? '' : ` of which ${mostErrors - 1} are`;
  const others = more > 0 ? `, and ${more} more${listed} in "errors"` : '';
  const got = first?.value === undefined ? '' : `, got ${JSON.stringify(first.value)}`;
  const message = `${first?.in} ${first?.pointer || '(whole)'} must be ${first?.expected}${got}${others}`;
  return new DomainError('invalid-request', message, { errors }, cause);
}

const cut = (text: string): string => (text.length > longestEcho ? `${text.slice(0, longestEcho)}…` : text);
