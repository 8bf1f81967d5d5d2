/** Every way in which the service says no. One place (http/problem-details.ts) maps a code to a status. */
export type DomainErrorCode =
  | 'invalid-request'
  | 'invalid-seating-plan'
  | 'venue-not-found'
  | 'hall-not-found'
  | 'performance-not-found'
  | 'showtime-not-found'
  | 'seat-creation-not-found'
  | 'dead-letter-not-found'
  | 'dead-letter-unreadable'
  | 'seats-exist'
  | 'seat-creation-under-way'
  | 'idempotency-key-reused'
  | 'unauthorized'
  | 'overloaded'
  | 'database-unavailable'
  | 'queue-full'
  | 'queue-unavailable';

/** A refusal with a stable code. `message` names the value and the remedy; `facts` are for machines. */
export class DomainError extends Error {
  readonly code: DomainErrorCode;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: DomainErrorCode, message: string, facts: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DomainError';
    this.code = code;
    this.facts = facts;
  }
}
