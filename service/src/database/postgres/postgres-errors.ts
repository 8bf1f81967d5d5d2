import { DatabaseError } from 'pg';

import { DomainError } from '../../domain-error.ts';

/**
 * SQLSTATEs (PostgreSQL manual, appendix A) that say "not now" and not "wrong": connection exceptions (08),
 * insufficient resources (53), operator intervention (57P: shutdown, crash, still starting), system error (58), a
 * server that became a standby (25006), a transaction that was idle for too long and lost its connection (25P03).
 */
const unavailable = /^(08|53|57P|58|25006|25P03)/;
/** Cancelled by statement_timeout, a lock that did not come free, or rolled back in favour of others (40). */
const overloaded = /^(57014|55P03|40001|40P01)$/;

/** What a statement's rejection means: the database's state as a `DomainError`, everything else as it is. */
export function postgresError(error: unknown, name: string): unknown {
  if (error instanceof DatabaseError) {
    const code = error.code ?? '';
    if (overloaded.test(code)) {
      return new DomainError(
        'overloaded',
        `query ${name} was given up by PostgreSQL (${code}): try again`,
        { code },
        error,
      );
    }
    return unavailable.test(code) ? postgresUnavailable(error, code) : error;
  }
  // pg tells of a lost connection with plain errors, and of our mistakes with these two.
  return error instanceof TypeError || error instanceof RangeError ? error : postgresUnavailable(error);
}

export function postgresUnavailable(error: unknown, code?: string): DomainError {
  const reason = code ?? (error instanceof Error && 'code' in error ? String(error.code) : 'connection lost');
  return new DomainError('database-unavailable', `PostgreSQL can't be reached (${reason})`, { reason }, error);
}
