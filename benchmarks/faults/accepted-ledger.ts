import { closeSync, openSync, writeSync } from 'node:fs';

/**
 * What clients were promised, written down outside of the service: one line a job, appended to a file before the
 * next request is sent. The service's own counters prove nothing.
 */
export interface AcceptedLedger {
  /** One for each key, in the order of their first record. */
  readonly entries: readonly LedgerEntry[];
  /** What was recorded for the same key before is replaced; in the file the last line of a key counts. */
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
  /** Since 1970, by a clock that does not step. */
  readonly acceptedAtMs: number | undefined;
  /** From the sending of the last attempt to its answer. */
  readonly answerSeconds: number | undefined;
}

export interface AcceptedEntry extends LedgerEntry {
  readonly operationId: string;
  readonly acceptedAtMs: number;
}

export function isAccepted(entry: LedgerEntry): entry is AcceptedEntry {
  return entry.operationId !== undefined;
}

/** The clock of `acceptedAtMs`, for times that are compared with it. */
export function ledgerClockMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Appends to `file`, which is made when it is not there. @throws when it cannot be written */
export function createAcceptedLedger(file: string): AcceptedLedger {
  const descriptor = openSync(file, 'a');
  const entries: LedgerEntry[] = [];
  const indexOfKey = new Map<string, number>();
  return {
    entries,
    record(entry) {
      writeSync(descriptor, `${JSON.stringify(entry)}\n`);
      const index = indexOfKey.get(entry.idempotencyKey) ?? entries.length;
      indexOfKey.set(entry.idempotencyKey, index);
      entries[index] = entry;
    },
    close: () => closeSync(descriptor),
  };
}
