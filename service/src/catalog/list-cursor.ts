import type { DomainError } from '../domain-error.ts';
import { parseInstant } from './instant.ts';
import { invalidRequest } from './invalid-request.ts';
import type { ListPosition } from './catalog-repository.ts';

/** Opaque to clients: base64url of `[startsAt, performanceId]`. */
export function encodeListCursor({ startsAt, performanceId }: ListPosition): string {
  return Buffer.from(JSON.stringify([startsAt, performanceId])).toString('base64url');
}

/** Refuses, with `invalid-request`, whatever `encodeListCursor` did not make. */
export function decodeListCursor(cursor: string): ListPosition {
  let decoded: unknown;
  try {
    decoded = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch (error) {
    throw invalidCursor(cursor, error);
  }
  const [text, performanceId]: unknown[] = Array.isArray(decoded) ? decoded : [];
  const startsAt = typeof text === 'string' ? parseInstant(text) : undefined;
  if (startsAt === undefined) throw invalidCursor(cursor);
  if (typeof performanceId !== 'number' || !Number.isSafeInteger(performanceId)) throw invalidCursor(cursor);
  const position = { startsAt, performanceId };
  if (encodeListCursor(position) !== cursor) throw invalidCursor(cursor);
  return position;
}

function invalidCursor(cursor: string, cause?: unknown): DomainError {
  const expected = 'the nextCursor of a page, or absent for the first page';
  return invalidRequest([{ in: 'query', pointer: '/cursor', value: cursor, expected }], cause);
}
