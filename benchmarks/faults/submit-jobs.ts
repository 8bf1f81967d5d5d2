import { randomUUID } from 'node:crypto';
import { Agent, type IncomingMessage, request as sendRequest } from 'node:http';
import { finished } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { type AcceptedLedger, type LedgerEntry, ledgerClockMs } from './accepted-ledger.ts';

export interface Submission {
  /** Asked in turn, by retries as well. */
  readonly apiUrls: readonly string[];
  readonly apiToken: string;
  /** A job each, in this order, with a key of its own. */
  readonly hallIds: readonly number[];
  readonly ledger: AcceptedLedger;
  /** Closed: so many clients, each of which sends when it has its answer. Open: by the clock, whatever the answers. */
  readonly pace: { readonly inFlight: number } | { readonly perSecond: number };
  /** What follows a refusal (503), a broken connection or a missing answer: the same key for the same hall, or nothing. */
  readonly retry: 'same-key' | 'never';
  /** From the sending of the first attempt; after it the job counts as refused. */
  readonly retryForMs: number;
  /** After its 202 each key is sent once more: the answer must name the same operation. Default: it is not. */
  readonly askTwice?: boolean;
  /** Default: 10,000. */
  readonly answerWithinMs?: number;
  /** Aborted: nothing more is sent; the answers to what was sent are waited for. */
  readonly signal: AbortSignal;
}

/** `Retry-After` says seconds for the sake of a crowd; here its end is to be seen when it comes. */
const pauseMs = { usual: 50, longest: 250 };

/** Sends every job and writes down what came of it; resolves when all have an end. */
export async function submitJobs(submission: Submission): Promise<void> {
  const { hallIds, pace, signal } = submission;
  const agent = new Agent({ keepAlive: true });
  const client = createClient(submission, agent);
  const waiting = hallIds[Symbol.iterator]();
  const sendInTurn = async (): Promise<void> => {
    for (const hallId of waiting) {
      if (signal.aborted) return;
      await client.submit(hallId);
    }
  };
  try {
    if ('inFlight' in pace) await Promise.all(Array.from({ length: pace.inFlight }, sendInTurn));
    else await sendByTheClock(submission, pace.perSecond, (hallId) => client.submit(hallId));
  } finally {
    agent.destroy();
  }
}

async function sendByTheClock(
  { hallIds, signal }: Submission,
  perSecond: number,
  submit: (hallId: number) => Promise<void>,
): Promise<void> {
  const startMs = performance.now();
  const jobs: Promise<void>[] = [];
  for (const [index, hallId] of hallIds.entries()) {
    const untilDueMs = startMs + (index * 1_000) / perSecond - performance.now();
    if (untilDueMs > 0) await pause(untilDueMs, signal);
    if (signal.aborted) break;
    const job = submit(hallId);
    // Waited for below; until then it is nobody's unhandled rejection.
    job.catch(() => undefined);
    jobs.push(job);
  }
  await Promise.all(jobs);
}

/** Ends early, and without an error, when the signal is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

interface Answer {
  /** `undefined`: the connection broke, or there was no answer in time. */
  readonly status: number | undefined;
  readonly operationId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly seconds: number;
}

function createClient(submission: Submission, agent: Agent): { submit(hallId: number): Promise<void> } {
  const { apiUrls, apiToken, ledger, retry, retryForMs, askTwice = false, answerWithinMs = 10_000 } = submission;
  const { signal } = submission;
  let sent = 0;
  const ask = (hallId: number, idempotencyKey: string): Promise<Answer> => {
    const apiUrl = apiUrls[sent % apiUrls.length];
    if (apiUrl === undefined) throw new Error('submitJobs needs at least one of apiUrls');
    sent += 1;
    const headers = { authorization: `Bearer ${apiToken}`, 'idempotency-key': idempotencyKey, 'content-length': '0' };
    return post(`${apiUrl}/halls/${hallId}/seats`, { agent, headers, answerWithinMs });
  };

  async function submit(hallId: number): Promise<void> {
    const idempotencyKey = randomUUID();
    const deadlineMs = performance.now() + retryForMs;
    let entry = emptyEntry(idempotencyKey, hallId);
    for (;;) {
      const answer = await ask(hallId, idempotencyKey);
      entry = withAnswer(entry, answer);
      const isOver = entry.operationId !== undefined || (answer.status !== undefined && answer.status !== 503);
      if (isOver || retry === 'never') break;
      const waitMs = Math.min(answer.retryAfterMs ?? pauseMs.usual, pauseMs.longest);
      if (performance.now() + waitMs > deadlineMs) break;
      await pause(waitMs, signal);
      if (signal.aborted) break;
    }
    ledger.record(entry);
    if (!askTwice || entry.operationId === undefined || signal.aborted) return;
    ledger.record(withAnswer(entry, await ask(hallId, idempotencyKey)));
  }

  return { submit };
}

function emptyEntry(idempotencyKey: string, hallId: number): LedgerEntry {
  return {
    idempotencyKey,
    hallId,
    operationId: undefined,
    status: undefined,
    attempts: 0,
    otherOperationIds: [],
    acceptedAtMs: undefined,
    answerSeconds: undefined,
  };
}

function withAnswer(entry: LedgerEntry, { status, operationId, seconds }: Answer): LedgerEntry {
  const known = entry.operationId;
  const differs = known !== undefined && operationId !== undefined && operationId !== known;
  const isFirst = known === undefined && operationId !== undefined;
  return {
    ...entry,
    operationId: known ?? operationId,
    status: status ?? entry.status,
    attempts: entry.attempts + 1,
    otherOperationIds: differs ? [...entry.otherOperationIds, operationId] : entry.otherOperationIds,
    acceptedAtMs: isFirst ? ledgerClockMs() : entry.acceptedAtMs,
    answerSeconds: status === undefined ? entry.answerSeconds : seconds,
  };
}

interface Post {
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
  readonly answerWithinMs: number;
}

/** Resolves with the whole answer, or with none: why there is none makes no difference to a client. */
function post(url: string, { agent, headers, answerWithinMs }: Post): Promise<Answer> {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const end = (response?: IncomingMessage): void => {
      clearTimeout(late);
      resolve({ ...readAnswer(response), seconds: (performance.now() - startMs) / 1_000 });
    };
    const request = sendRequest(url, { method: 'POST', agent, headers }, (response) => {
      finished(response.resume(), (error) => end(error ? undefined : response));
    });
    const late = setTimeout(() => request.destroy(), answerWithinMs);
    request.once('error', () => end());
    request.end();
  });
}

function readAnswer(response: IncomingMessage | undefined): Omit<Answer, 'seconds'> {
  const retryAfterSeconds = Number(response?.headers['retry-after'] ?? Number.NaN);
  return {
    status: response?.statusCode,
    operationId:
      response?.statusCode === 202
        ? /^\/seat-creations\/([^/]+)$/.exec(response.headers.location ?? '')?.[1]
        : undefined,
    retryAfterMs: Number.isFinite(retryAfterSeconds) ? retryAfterSeconds * 1_000 : undefined,
  };
}
