import { z } from 'zod';

import { DomainError } from '../domain-error.ts';

/** One value that may not be as it is. */
export interface Violation {
  readonly in: 'body' | 'query' | 'header';
  /** JSON Pointer (RFC 6901) into the body or, for a query or a header field, `/` and its name. */
  readonly pointer: string;
  /** What was sent there; absent when nothing was, or when it is no scalar. */
  readonly value?: string | number | boolean | null;
  readonly expected: string;
}

type Issue = z.core.$ZodIssue;

const longestEcho = 100;

/** The value as the schema reads it. Throws `invalid-request` with every violation. */
export function validate<Schema extends z.ZodType>(
  place: Violation['in'],
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(input, { reportInput: true });
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue) => violations(place, schema, issue));
  const [first] = errors;
  const others = errors.length > 1 ? `, and ${errors.length - 1} more in "errors"` : '';
  const got = first?.value === undefined ? '' : `, got ${JSON.stringify(first.value)}`;
  throw new DomainError(
    'invalid-request',
    `${place} ${first?.pointer || '(whole)'} must be ${first?.expected}${got}${others}`,
    { errors },
  );
}

function violations(place: Violation['in'], schema: z.ZodType, issue: Issue): Violation[] {
  const pointer = toPointer(issue.path);
  if (issue.code !== 'unrecognized_keys')
    return [{ in: place, pointer, ...echo(issue.input), expected: expected(issue) }];
  const known = schema instanceof z.ZodObject && issue.path.length === 0 ? Object.keys(schema.shape) : [];
  return issue.keys.map((key) => ({
    in: place,
    pointer: `${pointer}${toPointer([key])}`,
    expected: known.length > 0 ? `absent: there are ${known.join(', ')}` : 'absent',
  }));
}

function toPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function echo(input: unknown): Pick<Violation, 'value'> {
  if (typeof input === 'string')
    return { value: input.length > longestEcho ? `${input.slice(0, longestEcho)}…` : input };
  return input === null || typeof input === 'number' || typeof input === 'boolean' ? { value: input } : {};
}

/** As it follows "must be". The other issues come with messages of `schemas.ts`. */
function expected(issue: Issue): string {
  if (issue.code === 'invalid_value') return `one of ${issue.values.join(', ')}`;
  if (issue.code === 'invalid_type') return `${issue.input === undefined ? 'there, as' : 'of type'} ${issue.expected}`;
  if (issue.code === 'too_small')
    return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum} ${unit(issue.origin)}`.trim();
  if (issue.code === 'too_big')
    return `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum} ${unit(issue.origin)}`.trim();
  return issue.message;
}

function unit(origin: string): string {
  return origin === 'string' ? 'characters' : origin === 'array' ? 'entries' : '';
}
