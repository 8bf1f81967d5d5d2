import { z } from 'zod';

import { invalidRequest, type Violation } from '../catalog/invalid-request.ts';

type Issue = z.core.$ZodIssue;

/** A body with more values is refused for the first thing that is wrong in each of its lists. */
const mostValuesOfFullReport = 2_000;
const longestName = 100;

/** What zod's own `validate` stops by, which names nothing. It is internal: a test sees whether it still works. */
const firstOfEachList: z.core.ParseContextInternal<Issue> = { reportInput: true, abortEarly: true };

/** The value as the schema reads it. Throws `invalid-request` with the violations: all of them unless it is large. */
export function validate<Schema extends z.ZodType>(
  place: Violation['in'],
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  // Half a million violations of 1 MiB would take seconds, and more stack than there is.
  const parsed = schema.safeParse(input, firstOfEachList);
  if (parsed.success) return parsed.data;
  const full = hasMoreValues(input, mostValuesOfFullReport) ? parsed : schema.safeParse(input, { reportInput: true });
  throw invalidRequest((full.error ?? parsed.error).issues.flatMap((issue) => violations(place, schema, issue)));
}

/** Whether there are more than `limit` values in it, however deep. */
function hasMoreValues(input: unknown, limit: number): boolean {
  const left = [input];
  for (let seen = 0; left.length > 0; seen += 1) {
    if (seen + left.length > limit) return true;
    const value = left.pop();
    if (typeof value !== 'object' || value === null) continue;
    for (const child of Object.values(value)) left.push(child);
  }
  return false;
}

function violations(place: Violation['in'], schema: z.ZodType, issue: Issue): Violation[] {
  const pointer = toPointer(issue.path);
  if (issue.code !== 'unrecognized_keys')
    return [{ in: place, pointer, ...echo(issue.input), expected: expected(issue) }];
  const known = schema instanceof z.ZodObject && issue.path.length === 0 ? Object.keys(schema.shape) : [];
  const absent = known.length > 0 ? `absent: there are ${known.join(', ')}` : 'absent';
  return issue.keys.map((key) =>
    key.length > longestName
      ? { in: place, pointer, expected: `without the name "${key.slice(0, longestName)}…"` }
      : { in: place, pointer: `${pointer}${toPointer([key])}`, expected: absent },
  );
}

function toPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function echo(input: unknown): Pick<Violation, 'value'> {
  // `1e400` is JSON, and what it is read as is none.
  if (input === Number.POSITIVE_INFINITY || input === Number.NEGATIVE_INFINITY) return { value: String(input) };
  const isScalar =
    input === null || typeof input === 'string' || typeof input === 'number' || typeof input === 'boolean';
  return isScalar ? { value: input } : {};
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
