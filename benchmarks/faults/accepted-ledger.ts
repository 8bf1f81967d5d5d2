/**
 * What clients were promised, written down outside of the service: one line a job, appended to a file before the
 * next request is sent. The service's own counters prove nothing.
 */
export interface AcceptedLedger {
  readonly entries: readonly LedgerEntry[];
  record(entry: LedgerEntry): void;
  close(): void;
}

export interface LedgerEntry {
  readonly idempotencyKey: string;
  readonly hallId: number;
  /** From `Location`; `undefined` when nothing but refusals or no answer came. */
  readonly operationId: string | undefined;
  /** Status of the last answer; `undefined` when none came. */
  readonly status: number | undefined;
  readonly attempts: number;
  /** Different operations that were answered for this key: more than one is a broken promise. */
  readonly otherOperationIds: readonly string[];
  readonly acceptedAtMs: number | undefined;
  /** From the sending of the last attempt to its answer. */
  readonly answerSeconds: number | undefined;
}
