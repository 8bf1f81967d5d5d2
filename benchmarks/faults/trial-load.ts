import { join } from 'node:path';

import type { TrialContext } from '../protocol/trial-experiment.ts';
import { type AcceptedEntry, type AcceptedLedger, createAcceptedLedger, isAccepted } from './accepted-ledger.ts';
import type { Stage } from './stage.ts';
import { type Submission, submitJobs } from './submit-jobs.ts';
import { untilAccepted } from './until-accepted.ts';

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
      untilAccepted: (count) => untilAccepted(ledger, { count, signal }),
    });
  } finally {
    await end().catch(() => undefined);
    ledger.close();
  }
}
