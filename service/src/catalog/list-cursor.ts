import { DomainError } from '../domain-error.ts';
import { toInstant } from './instant.ts';
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
  const [startsAt, performanceId]: unknown[] = Array.isArray(decoded) ? decoded : [];
  if (typeof startsAt !== 'string' || !Number.isFinite(Date.parse(startsAt))) throw invalidCursor(cursor);
  if (typeof performanceId !== 'number' || !Number.isSafeInteger(performanceId)) throw invalidCursor(cursor);
  const position = { startsAt: toInstant('cursor', startsAt), performanceId };
  if (encodeListCursor(position) !== cursor) throw invalidCursor(cursor);
  return position;
}

function invalidCursor(cursor: string, cause?: unknown): DomainError {
  const value = cursor.length > 80 ? `${cursor.slice(0, 80)}…` : cursor;
  return new DomainError(
    'invalid-request',
    `cursor must be the nextCursor of a page, got "${value}": leave it out to start at the first page`,
    { parameter: 'cursor', value },
    cause,
  );
}
