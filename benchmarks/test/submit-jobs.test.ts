import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';

import { type AcceptedLedger, createAcceptedLedger, isAccepted, type LedgerEntry } from '../faults/accepted-ledger.ts';
import { settle } from '../faults/settlement.ts';
import { type Submission, submitJobs } from '../faults/submit-jobs.ts';
import {
  type Fate,
  type StandInSeatCreation,
  standInToken,
  startStandInSeatCreation,
} from './stand-in-seat-creation.ts';

function newLedger(): { readonly ledger: AcceptedLedger; readonly lines: () => LedgerEntry[] } {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-test-'));
  const file = join(directory, 'ledger.ndjson');
  const ledger = createAcceptedLedger(file);
  onTestFinished(() => {
    ledger.close();
    rmSync(directory, { recursive: true });
  });
  const lines = (): LedgerEntry[] => readFileSync(file, 'utf8').split('\n').filter(Boolean).map(parseLine);
  return { ledger, lines };
}

function parseLine(line: string): LedgerEntry {
  return JSON.parse(line);
}

const hallIds = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

function submit(server: StandInSeatCreation, ledger: AcceptedLedger, changes: Partial<Submission> = {}): Promise<void> {
  return submitJobs({
    apiUrls: [server.url],
    apiToken: standInToken,
    hallIds: hallIds(20),
    ledger,
    pace: { inFlight: 4 },
    retry: 'same-key',
    retryForMs: 5_000,
    signal: new AbortController().signal,
    ...changes,
  });
}

describe('jobs', () => {
  it('are written to the file, with the operation of Location, before the client sends its next one', async () => {
    const { ledger, lines } = newLedger();
    const written: number[] = [];
    await using server = await startStandInSeatCreation({
      fate(hallId) {
        written[hallId] = lines().length;
        return 'answered';
      },
    });
    await submit(server, ledger, { pace: { inFlight: 1 } });
    expect(written.slice(1)).toEqual(hallIds(20).map((id) => id - 1));
    expect(lines()).toEqual(ledger.entries);
    expect(ledger.entries.map(({ operationId }) => operationId)).toEqual([...server.operations.keys()]);
    expect(ledger.entries.every(({ status, attempts }) => status === 202 && attempts === 1)).toBe(true);
  });

  it('are sent again with the same key for the same hall until they are accepted', async () => {
    const fates: Fate[] = ['refused', 'broken', 'answer-lost', 'silent', 'answered'];
    await using server = await startStandInSeatCreation({ fate: (_, attempt) => fates[attempt - 1] ?? 'answered' });
    const { ledger } = newLedger();
    await submit(server, ledger, { hallIds: [7], answerWithinMs: 100 });
    expect(new Set(server.seen.map(({ key, hallId }) => `${key} ${hallId}`)).size).toBe(1);
    expect(ledger.entries).toMatchObject([{ hallId: 7, status: 202, attempts: 5, otherOperationIds: [] }]);
  });

  it('are sent once when they are never to be sent again', async () => {
    await using server = await startStandInSeatCreation({ fate: (hallId) => (hallId === 1 ? 'refused' : 'broken') });
    const { ledger } = newLedger();
    await submit(server, ledger, { hallIds: [1, 2], retry: 'never' });
    expect(server.seen).toHaveLength(2);
    expect(ledger.entries).toMatchObject([
      { hallId: 1, status: 503, operationId: undefined, attempts: 1 },
      { hallId: 2, status: undefined, operationId: undefined, attempts: 1 },
    ]);
  });

  it('are given up when the time for it is over, and Retry-After is honoured up to a quarter of a second', async () => {
    await using server = await startStandInSeatCreation({ fate: () => 'refused' });
    const { ledger } = newLedger();
    await submit(server, ledger, { hallIds: [1], retryForMs: 700 });
    const pauses = server.seen.map(({ at }, index) => at - (server.seen[index - 1]?.at ?? at)).slice(1);
    expect(pauses).toHaveLength(2);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(245);
    expect(ledger.entries).toMatchObject([{ status: 503, operationId: undefined, attempts: 3 }]);
  });

  it('are not sent again after any other answer', async () => {
    await using server = await startStandInSeatCreation({ fate: (hallId) => [409, 422, 500, 202][hallId - 1] ?? 404 });
    const { ledger } = newLedger();
    await submit(server, ledger, { hallIds: [1, 2, 3, 4] });
    expect(ledger.entries.map(({ status }) => status)).toEqual(expect.arrayContaining([202, 409, 422, 500]));
    expect(ledger.entries.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
    expect(ledger.entries.filter(isAccepted)).toEqual([]);
  });

  it('are asked for twice when that is wanted, and another operation is written down', async () => {
    await using honest = await startStandInSeatCreation();
    const { ledger } = newLedger();
    await submit(honest, ledger, { askTwice: true });
    expect(honest.seen).toHaveLength(40);
    expect(ledger.entries.every(({ otherOperationIds }) => otherOperationIds.length === 0)).toBe(true);
    await using forgetful = await startStandInSeatCreation({ keepsKeys: false });
    const second = newLedger();
    await submit(forgetful, second.ledger, { askTwice: true });
    expect(second.ledger.entries.every(({ otherOperationIds }) => otherOperationIds.length === 1)).toBe(true);
    expect(await settle(forgetful.stage, second.ledger)).toMatchObject({ accepted: 20, duplicates: 20 });
  });

  it('go out by the clock at an open pace, though no answer has come', async () => {
    const { ledger } = newLedger();
    const answered: number[] = [];
    await using server = await startStandInSeatCreation({
      fate() {
        answered.push(ledger.entries.length);
        return 'silent';
      },
    });
    const startMs = performance.now();
    const pace = { perSecond: 100 };
    await submit(server, ledger, { hallIds: hallIds(50), pace, retry: 'never', answerWithinMs: 2_000 });
    expect(answered).toEqual(hallIds(50).map(() => 0));
    expect((server.seen.at(-1)?.at ?? 0) - startMs).toBeGreaterThanOrEqual(489);
  });

  it('go to the APIs in turn', async () => {
    await using one = await startStandInSeatCreation();
    await using other = await startStandInSeatCreation();
    await submit(one, newLedger().ledger, { apiUrls: [one.url, other.url] });
    expect([one.seen.length, other.seen.length]).toEqual([10, 10]);
  });

  it('stop when the signal is aborted, and what was sent is written down', async () => {
    const stop = new AbortController();
    await using server = await startStandInSeatCreation({
      fate(hallId) {
        if (hallId === 6) stop.abort();
        return hallId < 6 ? 'answered' : 'refused';
      },
    });
    const { ledger } = newLedger();
    await submit(server, ledger, { pace: { inFlight: 1 }, signal: stop.signal });
    expect(ledger.entries.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202, 503]);
  });
});

const fates = fc.array(fc.constantFrom<Fate>('answered', 'refused', 'broken', 'answer-lost'), { maxLength: 4 });
const fatesOfHalls = fc.array(fates, { minLength: 1, maxLength: 12 });

/** Submits a job for each list of fates; behind its end everything is answered. */
async function submitThrough(all: readonly (readonly Fate[])[], keepsKeys: boolean) {
  const server = await startStandInSeatCreation({
    keepsKeys,
    retryAfterSeconds: 0,
    fate: (hallId, attempt) => all[hallId - 1]?.[attempt - 1] ?? 'answered',
  });
  const directory = mkdtempSync(join(tmpdir(), 'ledger-test-'));
  const ledger = createAcceptedLedger(join(directory, 'ledger.ndjson'));
  try {
    await submit(server, ledger, { hallIds: hallIds(all.length), pace: { inFlight: all.length } });
    return { entries: ledger.entries, settlement: await settle(server.stage, ledger), operations: server.operations };
  } finally {
    ledger.close();
    rmSync(directory, { recursive: true });
    await server[Symbol.asyncDispose]();
  }
}

describe('through any sequence of refusals, broken connections and lost answers', () => {
  it('each key becomes one operation, which is known', async () => {
    await fc.assert(
      fc.asyncProperty(fatesOfHalls, async (all) => {
        const { entries, settlement } = await submitThrough(all, true);
        const jobs = all.length;
        expect(entries.filter(isAccepted)).toHaveLength(jobs);
        expect(settlement).toEqual({
          offered: jobs,
          accepted: jobs,
          stored: jobs,
          deadLettered: 0,
          lost: 0,
          duplicates: 0,
          problems: [],
        });
      }),
      { numRuns: 25 },
    );
  });

  it('control: a service that forgets keys is never without duplicates when an answer was lost', async () => {
    let found = 0;
    await fc.assert(
      fc.asyncProperty(fatesOfHalls, async (all) => {
        const { settlement, operations } = await submitThrough(all, false);
        expect(settlement.duplicates).toBe(operations.size - all.length);
        expect(settlement.problems.length > 0).toBe(settlement.duplicates > 0);
        found += settlement.duplicates;
      }),
      { numRuns: 25 },
    );
    expect(found).toBeGreaterThan(0);
  });
});
