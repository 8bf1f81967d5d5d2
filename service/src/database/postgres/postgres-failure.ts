import { DatabaseError } from 'pg';

import type { FailureKind, FailureReason } from '../../seat-creation/failure.ts';

/**
 * By SQLSTATE, the first that fits (PostgreSQL manual, appendix A). Transient is what says something about the server
 * or about the others who use it, whatever the statement was; permanent what its own values will meet again.
 */
const kinds: readonly (readonly [pattern: RegExp, kind: FailureKind, reason: FailureReason])[] = [
  // query_canceled: by statement_timeout. One that is too slow today may be too slow every day.
  [/^57014$/, 'unclear', 'overloaded'],
  // protocol_violation and configuration_limit_exceeded look like the server's trouble, and are a statement's.
  [/^(08P01|53400)$/, 'unclear', 'unexpected'],
  // serialization_failure, deadlock_detected and their class; lock_not_available, object_in_use.
  [/^(40|55P03$|55006$)/, 'transient', 'contention'],
  // too_many_connections.
  [/^53300$/, 'transient', 'overloaded'],
  // Connection; resources (53100: disk full); shutdown, crash, start (57P); the system below (58); a session that was
  // ended while it was idle, a server that only reads (25006: a standby); no such database, no way in.
  [/^(08|53|57P|58|25P03$|25006$|3D000$|28)/, 'transient', 'database-unavailable'],
  // Integrity (23), and values that do not fit their types (22).
  [/^(22|23)/, 'permanent', 'constraint'],
];

export function classifySqlState(sqlState: string): { readonly kind: FailureKind; readonly reason: FailureReason } {
  const [, kind, reason] =
    kinds.find(([pattern]) => pattern.test(sqlState)) ?? ([null, 'unclear', 'unexpected'] as const);
  return { kind, reason };
}

/** What PostgreSQL itself has said. */
export function postgresWords(error: unknown): { readonly code: string; readonly words: string } | undefined {
  if (!(error instanceof DatabaseError) || error.code === undefined) return undefined;
  const { code, message, detail } = error;
  return { code, words: detail === undefined ? message : `${message}: ${detail}` };
}
