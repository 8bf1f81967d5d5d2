import type { FailureKind, FailureReason } from '../../seat-creation/failure.ts';

/**
 * By result code, extended ones by what they begin with (SQLite manual, "Result and Error Codes"). Transient is what
 * says something about the file, its disk or the others who use it; permanent what the statement's own values will
 * meet again. SQLITE_ERROR, for one, is neither: a table that is not there, or JSON that is none.
 */
const kinds: readonly (readonly [pattern: RegExp, kind: FailureKind, reason: FailureReason])[] = [
  [/^SQLITE_(BUSY|LOCKED)(_|$)/, 'transient', 'contention'],
  [
    /^SQLITE_(CANTOPEN|CORRUPT|FULL|IOERR|NOLFS|NOMEM|NOTADB|PERM|PROTOCOL|READONLY)(_|$)/,
    'transient',
    'database-unavailable',
  ],
  [/^SQLITE_(CONSTRAINT|MISMATCH|RANGE|TOOBIG)(_|$)/, 'permanent', 'constraint'],
];

export function classifySqliteCode(code: string): { readonly kind: FailureKind; readonly reason: FailureReason } {
  const [, kind, reason] = kinds.find(([pattern]) => pattern.test(code)) ?? ([null, 'unclear', 'unexpected'] as const);
  return { kind, reason };
}

/** What SQLite itself has said. */
export function sqliteWords(error: unknown): { readonly code: string; readonly words: string } | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code.startsWith('SQLITE_') ? { code: error.code, words: error.message } : undefined;
}
