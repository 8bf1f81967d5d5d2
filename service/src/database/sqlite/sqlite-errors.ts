import { DomainError } from '../../domain-error.ts';
import type { SqliteReply } from './sqlite-messages.ts';

/** Another process holds the file's lock (SQLite manual, "Result and Error Codes"). */
const overloaded = /^SQLITE_(BUSY|LOCKED)/;
const unavailable = /^SQLITE_(CANTOPEN|CORRUPT|FULL|IOERR|NOTADB|PROTOCOL|READONLY)/;

/** A statement's error: the database's state as a `DomainError`, everything else as an `Error` with its code. */
export function sqliteError({ message, code = '' }: NonNullable<SqliteReply['error']>, name: string): Error {
  const error = Object.assign(new Error(message), { code });
  if (overloaded.test(code)) {
    return new DomainError(
      'overloaded',
      `query ${name} waited too long for SQLite's lock (${code}): try again`,
      { code },
      error,
    );
  }
  return unavailable.test(code) ? sqliteUnavailable(code, error) : error;
}

export function sqliteUnavailable(reason: string, cause?: unknown): DomainError {
  return new DomainError('database-unavailable', `SQLite can't be used (${reason})`, { reason }, cause);
}
