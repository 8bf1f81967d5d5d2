import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it, vi } from 'vitest';

import type { AcceptedLedger, LedgerEntry } from '../faults/accepted-ledger.ts';
import { readDeadLetters } from '../faults/dead-letters.ts';
import { countInFlight, settle, waitForQuiet, waitUntilSettled } from '../faults/settlement.ts';
import { done, type StandInSeatCreation, startStandInSeatCreation } from './stand-in-seat-creation.ts';

const signal = new AbortController().signal;

function ledgerOf(...entries: Partial<LedgerEntry>[]): AcceptedLedger {
  const complete = entries.map((entry, index) => ({
    idempotencyKey: `key-${index + 1}`,
    hallId: index + 1,
    operationId: `operation-${index + 1}`,
    status: 202,
    attempts: 1,
    otherOperationIds: [],
    acceptedAtMs: 0,
    answerSeconds: 0.001,
    ...entry,
  }));
  return { entries: complete, record: () => undefined, close: () => undefined };
}

const refused = { operationId: undefined, status: 503, acceptedAtMs: undefined };

/** Halls 1 to `count`, each done by the operation of its number. */
async function serverWithDone(count: number): Promise<StandInSeatCreation> {
  const server = await startStandInSeatCreation({ lettersPerPage: 2 });
  for (let id = 1; id <= count; id += 1) server.operations.set(`operation-${id}`, done(id));
  return server;
}

const failed = (hallId: number) => ({ ...done(hallId), state: 'failed' as const, reason: 'constraint' });
const letter = (id: number) => ({ id: `${id}-0`, reason: 'constraint', operationId: `operation-${id}` });

describe('settle', () => {
  it('finds what is done with all its seats stored, and forgives jobs that were refused', async () => {
    await using server = await serverWithDone(2);
    expect(await settle(server.stage, ledgerOf({}, {}, refused, { ...refused, status: undefined }))).toEqual({
      offered: 4,
      accepted: 2,
      stored: 2,
      deadLettered: 0,
      lost: 0,
      duplicates: 0,
      problems: [],
    });
  });

  it('counts an accepted job that is nowhere as lost, and one that is failing, or done for another hall', async () => {
    await using server = await serverWithDone(1);
    server.operations.set('operation-3', { ...failed(3), state: 'failing' });
    server.operations.set('operation-4', done(40));
    expect(await settle(server.stage, ledgerOf({}, {}, {}, {}))).toMatchObject({ accepted: 4, stored: 1, lost: 3 });
  });

  it('counts a job as a dead letter only when the dead letters report it, on whichever page', async () => {
    await using server = await serverWithDone(1);
    for (const id of [2, 3, 4, 5, 6]) {
      server.operations.set(`operation-${id}`, failed(id));
      if (id < 6) server.letters.push(letter(id));
    }
    const ledger = ledgerOf({}, {}, {}, {}, {}, {});
    const mayDie = new Set([2, 3, 4, 5]);
    const settlement = { stored: 1, deadLettered: 4, lost: 1, problems: [] };
    expect(await settle(server.stage, ledger, mayDie)).toMatchObject(settlement);
  });

  it('finds it wrong that a job dies with which nothing was wrong', async () => {
    await using server = await serverWithDone(1);
    server.operations.set('operation-2', failed(2));
    server.letters.push(letter(2));
    const { problems } = await settle(server.stage, ledgerOf({}, {}), new Set([1]));
    expect(problems).toEqual(['operation operation-2 of hall 2 is a dead letter, and nothing was wrong with it']);
  });

  it('finds it wrong that something is left in the stream', async () => {
    await using server = await serverWithDone(1);
    server.left.entries = 3;
    server.left.pending = 2;
    const { problems } = await settle(server.stage, ledgerOf({}));
    expect(problems).toEqual(['3 entries were left in the stream when all was quiet, 2 were pending']);
  });

  it('counts a hall that is done without all its seats as lost', async () => {
    await using server = await serverWithDone(2);
    server.faultyHalls.push({ hallId: 2, expectedSeats: 10, seats: 10, duplicates: 1 });
    expect(await settle(server.stage, ledgerOf({}, {}))).toMatchObject({ stored: 1, lost: 1, duplicates: 1 });
  });

  it('counts seats that are there twice, or without an operation', async () => {
    await using server = await serverWithDone(2);
    server.faultyHalls.push({ hallId: 1, expectedSeats: 10, seats: 13, duplicates: 3 });
    server.faultyHalls.push({ hallId: 3, expectedSeats: 0, seats: 5, duplicates: 0 });
    const settlement = await settle(server.stage, ledgerOf({}, {}, refused));
    expect(settlement).toMatchObject({ stored: 2, lost: 0, duplicates: 8 });
    expect(settlement.problems).toEqual([
      'hall 1 has 13 seats instead of 10, 3 of them twice',
      'hall 3 has 5 seats instead of 0, 0 of them twice',
    ]);
  });

  it('counts a second operation of a key, answered or found in the database', async () => {
    await using server = await serverWithDone(3);
    server.operations.set('operation-unknown', failed(2));
    const settlement = await settle(server.stage, ledgerOf({ otherOperationIds: ['operation-other'] }, {}, {}));
    expect(settlement).toMatchObject({ stored: 3, duplicates: 2 });
    expect(settlement.problems).toEqual([
      'key key-1 of hall 1 became operation-1 and operation-other',
      'key key-2 of hall 2 became operation-2 and operation-unknown',
    ]);
  });

  it('counts a job that ended twice: done and a dead letter, or two letters', async () => {
    await using server = await serverWithDone(1);
    server.operations.set('operation-2', failed(2));
    server.letters.push(letter(1), letter(2), { ...letter(2), id: '3-0' });
    expect(await settle(server.stage, ledgerOf({}, {}))).toMatchObject({ stored: 1, deadLettered: 1, duplicates: 2 });
  });

  it('says which answers a service never gives to such a job, the first ones in words', async () => {
    await using server = await serverWithDone(0);
    const wrong = [409, 422, 500, 404, 202].map((status) => ({ ...refused, status }));
    const { problems } = await settle(server.stage, ledgerOf(...wrong));
    expect(problems).toHaveLength(4);
    expect(problems[0]).toBe('hall 1 was answered 409 for key key-1');
    expect(problems[3]).toBe('2 more like these');
  });

  it('leaves the halls of other ledgers aside', async () => {
    await using server = await serverWithDone(2);
    server.faultyHalls.push({ hallId: 2, expectedSeats: 10, seats: 20, duplicates: 10 });
    expect(await settle(server.stage, ledgerOf({}))).toMatchObject({ offered: 1, duplicates: 0, problems: [] });
  });
});

describe('waiting', () => {
  it('ends as soon as all of the operations are done or dead letters', async () => {
    await using server = await serverWithDone(1);
    const settled = waitUntilSettled(server.stage, ['operation-1', 'operation-2'], { timeoutMs: 5_000, signal });
    server.operations.set('operation-2', failed(2));
    server.letters.push(letter(2));
    expect(await settled).toBe(true);
  });

  it('control: does not take a failure without a letter for an end', async () => {
    await using server = await serverWithDone(0);
    server.operations.set('operation-1', failed(1));
    expect(await waitUntilSettled(server.stage, ['operation-1'], { timeoutMs: 300, signal })).toBe(false);
  });

  it('is not over while what is done has not been acknowledged', async () => {
    await using server = await serverWithDone(1);
    server.left.entries = 1;
    setTimeout(() => (server.left.entries = 0), 300);
    const startMs = performance.now();
    await waitForQuiet(server.stage, ledgerOf({}), { stillMs: 60_000, timeoutMs: 60_000, signal });
    expect(performance.now() - startMs).toBeGreaterThan(250);
  });

  it('is over when nothing has changed for long enough, and not before', async () => {
    await using server = await serverWithDone(1);
    const ledger = ledgerOf({}, {}, {});
    const startMs = performance.now();
    const quiet = waitForQuiet(server.stage, ledger, { stillMs: 500, timeoutMs: 5_000, signal });
    await sleep(300);
    server.operations.set('operation-2', done(2));
    await quiet;
    expect(performance.now() - startMs).toBeGreaterThan(750);
    expect(await settle(server.stage, ledger)).toMatchObject({ stored: 2, lost: 1 });
  });

  it('rejects, with the number, when it still goes on after the time for it', async () => {
    await using server = await serverWithDone(0);
    let id = 0;
    const interval = setInterval(() => server.operations.set(`operation-${(id += 1)}`, done(id)), 50);
    const entries = Array.from({ length: 100 }, () => ({}));
    const quiet = waitForQuiet(server.stage, ledgerOf(...entries), { stillMs: 400, timeoutMs: 600, signal });
    await expect(quiet).rejects.toThrow(/^\d+ of 100 accepted jobs are not settled after 600 ms/);
    clearInterval(interval);
  });

  it('ends with the signal', async () => {
    await using server = await serverWithDone(0);
    const stop = new AbortController();
    const waits = [
      waitUntilSettled(server.stage, ['operation-1'], { timeoutMs: 60_000, signal: stop.signal }),
      waitForQuiet(server.stage, ledgerOf({}), { stillMs: 60_000, timeoutMs: 60_000, signal: stop.signal }),
    ];
    await vi.waitFor(async () => expect(await countInFlight(server.stage, ledgerOf({}))).toBe(1));
    stop.abort();
    for (const wait of waits) await expect(wait).rejects.toThrow('aborted');
  });
});

it('work in flight is what was accepted and is not done', async () => {
  await using server = await serverWithDone(2);
  server.operations.set('operation-3', { ...failed(3), state: 'failing' });
  expect(await countInFlight(server.stage, ledgerOf({}, {}, {}, {}, refused))).toBe(2);
});

it('dead letters that can not be read are an error, not an empty list', async () => {
  await using server = await serverWithDone(0);
  const wrongToken = { ...server.stage, apiToken: 'another-token' };
  await expect(readDeadLetters(wrongToken)).rejects.toThrow(/answered 401/);
});
