import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { TrialContext } from '../protocol/trial-experiment.ts';
import { type AcceptedEntry, type AcceptedLedger, createAcceptedLedger, isAccepted } from './accepted-ledger.ts';
import type { Stage } from './stage.ts';
import { type Submission, submitJobs } from './submit-jobs.ts';

export interface TrialLoad extends Pick<Submission, 'pace' | 'askTwice'> {
  readonly jobs: number;
  readonly seatsPerJob: number;
  /** Default: those of the stage. */
  readonly apiUrls?: readonly string[];
}

export interface RunningLoad {
  readonly hallIds: readonly number[];
  readonly ledger: AcceptedLedger;
  readonly accepted: () => readonly AcceptedEntry[];
  /** Begins to send; resolves when every job has an end. Called once. */
  readonly submit: () => Promise<void>;
  /** Sends nothing more; resolves when what was sent has its end. */
  readonly end: () => Promise<void>;
  /** @throws when no job has been accepted for a minute, or the trial is over */
  readonly untilAccepted: (count: number) => Promise<void>;
}

/** A client gives up after this: far longer than any outage that a trial makes. */
const retryForMs = 60_000;
const acceptedWithinMs = 60_000;

/**
 * New halls and a ledger of their own for one trial, and clients that send a job for each, again with the same key until
 * they are answered. When `work` ends, in whatever way, nothing more is sent.
 */
export async function withTrialLoad<Result>(
  stage: Stage,
  { load, context }: { readonly load: TrialLoad; readonly context: TrialContext },
  work: (running: RunningLoad) => Promise<Result>,
): Promise<Result> {
  context.step('creating halls');
  const hallIds = await stage.createHalls(load.jobs, load.seatsPerJob);
  const ledger = createAcceptedLedger(join(stage.directory, `ledger-of-halls-from-${hallIds[0]}.ndjson`));
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, over.signal]);
  let submitted: Promise<void> = Promise.resolve();
  const accepted = (): readonly AcceptedEntry[] => ledger.entries.filter(isAccepted);
  const submit = (): Promise<void> => {
    submitted = submitJobs({
      apiUrls: load.apiUrls ?? stage.apis.flatMap(({ apiUrl }) => apiUrl ?? []),
      apiToken: stage.apiToken,
      hallIds,
      ledger,
      pace: load.pace,
      ...(load.askTwice && { askTwice: true }),
      retry: 'same-key',
      retryForMs,
      signal,
    });
    // Awaited by the caller and at the end; until then a rejection is nobody's.
    submitted.catch(() => undefined);
    return submitted;
  };
  const end = (): Promise<void> => {
    over.abort();
    return submitted;
  };
  try {
    return await work({
      hallIds,
      ledger,
      accepted,
      submit,
      end,
      untilAccepted: (count) => untilAccepted(accepted, { count, signal }),
    });
  } finally {
    await end().catch(() => undefined);
    ledger.close();
  }
}

async function untilAccepted(
  accepted: () => readonly AcceptedEntry[],
  { count, signal }: { readonly count: number; readonly signal: AbortSignal },
): Promise<void> {
  const deadlineMs = performance.now() + acceptedWithinMs;
  while (accepted().length < count) {
    if (performance.now() > deadlineMs) {
      throw new Error(`${accepted().length} of ${count} jobs were accepted within a minute: is the API there?`);
    }
    await sleep(1, undefined, { signal });
  }
}
