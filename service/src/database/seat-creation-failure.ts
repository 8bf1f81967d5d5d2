import { DomainError } from '../domain-error.ts';
import type { FailureKind, FailureReason, SeatCreationFailure } from '../seat-creation/failure.ts';
import type { Database } from './database.ts';
import { classifySqlState, postgresWords } from './postgres/postgres-failure.ts';
import { classifySqliteCode, sqliteWords } from './sqlite/sqlite-failure.ts';

interface EngineFailures {
  readonly classify: (code: string) => { readonly kind: FailureKind; readonly reason: FailureReason };
  readonly wordsOf: (error: unknown) => { readonly code: string; readonly words: string } | undefined;
}

const failuresOf: Readonly<Record<Database['engine'], EngineFailures>> = {
  postgres: { classify: classifySqlState, wordsOf: postgresWords },
  sqlite: { classify: classifySqliteCode, wordsOf: sqliteWords },
};

/** Thrown in a transaction to roll it back for a reason of ours. */
export class SeatCreationRollback extends Error {
  readonly failure: SeatCreationFailure;

  constructor(failure: SeatCreationFailure) {
    super(failure.message);
    this.name = 'SeatCreationRollback';
    this.failure = failure;
  }
}

/**
 * Why a transaction failed. The engine's own code decides, wherever it is in the chain of causes; a connection that was
 * lost, or did not come free, has none.
 */
export function seatCreationFailure(engine: Database['engine'], error: unknown): SeatCreationFailure {
  if (error instanceof SeatCreationRollback) return error.failure;
  const { classify, wordsOf } = failuresOf[engine];
  for (let link = error; link !== undefined; link = link instanceof Error ? link.cause : undefined) {
    const said = wordsOf(link);
    if (said) return { ...classify(said.code), message: `${said.words} (${said.code})` };
  }
  const message = error instanceof Error ? error.message : String(error);
  const isOutage =
    error instanceof DomainError && (error.code === 'overloaded' || error.code === 'database-unavailable');
  return isOutage
    ? { kind: 'transient', reason: error.code === 'overloaded' ? 'overloaded' : 'database-unavailable', message }
    : { kind: 'unclear', reason: 'unexpected', message };
}
