import { setTimeout as sleep } from 'node:timers/promises';

import type { Trial } from '../evidence/trials-schema.ts';
import { type AcceptedEntry, type AcceptedLedger, isAccepted, type LedgerEntry } from './accepted-ledger.ts';
import { readDeadLetters, type ReportedLetter } from './dead-letters.ts';
import type { AuditedOperation, CrashStage, FaultyHall, QueueLeft } from './stage.ts';

export type Settlement = Pick<
  Trial,
  'offered' | 'accepted' | 'stored' | 'deadLettered' | 'lost' | 'duplicates' | 'problems'
>;

/** What is looked at from outside: the database by SQL, the dead letters by HTTP. */
export type AuditedStage = Pick<CrashStage, 'apis' | 'apiToken' | 'queueLeft' | 'database'>;

const noHall: ReadonlySet<number> = new Set();

/**
 * What became of the ledger's jobs, for a stage that is quiet. Halls and letters of other ledgers are left aside. A dead
 * letter is a problem unless its hall is among those that `mayDie`, and so is what is left in the stream: it would come
 * again when nobody looks any more.
 */
export async function settle(
  stage: AuditedStage,
  { entries }: AcceptedLedger,
  mayDie: ReadonlySet<number> = noHall,
): Promise<Settlement> {
  const { audit } = stage.database;
  const [operations, faultyHalls, letters, left] = await Promise.all([
    audit.operations(),
    audit.faultyHalls(entries.map(({ hallId }) => hallId)),
    readDeadLetters(stage),
    stage.queueLeft(),
  ]);
  const accepted = entries.filter(isAccepted);
  const halls = new Map(faultyHalls.map((hall) => [hall.hallId, hall]));
  const lettersOf = countLetters(letters);
  const isDone = (entry: AcceptedEntry): boolean => isStored(entry, operations, halls);
  const stored = accepted.filter(isDone);
  const deadLettered = accepted.filter((entry) => !isDone(entry) && lettersOf.has(entry.operationId));
  const twice = [
    ...surplusSeats(faultyHalls),
    ...operationsBesideTheAnswered(entries, operations),
    ...stored.filter(({ operationId }) => lettersOf.has(operationId)).map(doneAndDead),
    ...deadLettered.flatMap(({ operationId }) => moreLettersThanOne(operationId, lettersOf)),
  ];
  return {
    offered: entries.length,
    accepted: accepted.length,
    stored: stored.length,
    deadLettered: deadLettered.length,
    lost: accepted.length - stored.length - deadLettered.length,
    duplicates: twice.reduce((sum, { count }) => sum + count, 0),
    problems: [
      ...firstOf(twice.map(({ text }) => text)),
      ...firstOf(entries.flatMap(wrongAnswer)),
      ...firstOf(deadLettered.filter(({ hallId }) => !mayDie.has(hallId)).map(needlessLetter)),
      ...leftInQueue(left),
    ],
  };
}

/** Done for the hall that was asked for, and all its seats are there. */
function isStored(
  { operationId, hallId }: AcceptedEntry,
  operations: ReadonlyMap<string, AuditedOperation>,
  faultyHalls: ReadonlyMap<number, FaultyHall>,
): boolean {
  const operation = operations.get(operationId);
  if (operation?.state !== 'done' || operation.targetId !== hallId) return false;
  const faulty = faultyHalls.get(hallId);
  return faulty === undefined || faulty.seats - faulty.duplicates >= faulty.expectedSeats;
}

function countLetters(letters: readonly ReportedLetter[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { operationId } of letters) {
    if (operationId !== undefined) counts.set(operationId, (counts.get(operationId) ?? 0) + 1);
  }
  return counts;
}

/** Something that is there more often than it was asked for. */
interface Surplus {
  readonly count: number;
  readonly text: string;
}

function surplusSeats(faultyHalls: readonly FaultyHall[]): Surplus[] {
  return faultyHalls.flatMap(({ hallId, seats, expectedSeats, duplicates }) => {
    const count = Math.max(duplicates, seats - expectedSeats);
    if (count <= 0) return [];
    return [
      { count, text: `hall ${hallId} has ${seats} seats instead of ${expectedSeats}, ${duplicates} of them twice` },
    ];
  });
}

/** A key is one operation: every other one that was answered for it, or that the database has for its hall, is too many. */
function operationsBesideTheAnswered(
  entries: readonly LedgerEntry[],
  operations: ReadonlyMap<string, AuditedOperation>,
): Surplus[] {
  const ofHall = new Map<number, string[]>();
  for (const [operationId, { targetId }] of operations) {
    const others = ofHall.get(targetId);
    if (others) others.push(operationId);
    else ofHall.set(targetId, [operationId]);
  }
  return entries.flatMap(({ hallId, idempotencyKey, operationId, otherOperationIds }) => {
    const known = operationId === undefined ? [] : [operationId];
    const all = new Set([...known, ...otherOperationIds, ...(ofHall.get(hallId) ?? [])]);
    if (all.size <= 1) return [];
    return [{ count: all.size - 1, text: `key ${idempotencyKey} of hall ${hallId} became ${[...all].join(' and ')}` }];
  });
}

function doneAndDead({ operationId }: AcceptedEntry): Surplus {
  return { count: 1, text: `operation ${operationId} is done and in the dead letters as well` };
}

function moreLettersThanOne(operationId: string, lettersOf: ReadonlyMap<string, number>): Surplus[] {
  const letters = lettersOf.get(operationId) ?? 0;
  return letters > 1 ? [{ count: letters - 1, text: `operation ${operationId} has ${letters} dead letters` }] : [];
}

function needlessLetter({ operationId, hallId }: AcceptedEntry): string {
  return `operation ${operationId} of hall ${hallId} is a dead letter, and nothing was wrong with it`;
}

function leftInQueue({ entries, pending }: QueueLeft): string[] {
  if (entries === 0 && pending === 0) return [];
  return [`${entries} entries were left in the stream when all was quiet, ${pending} were pending`];
}

/** A client may be accepted, refused for now, or left without an answer. */
function wrongAnswer({ idempotencyKey, hallId, status, operationId }: LedgerEntry): string[] {
  if (status === undefined || status === 503) return [];
  if (status === 202) return operationId === undefined ? [`hall ${hallId} was answered 202 without an operation`] : [];
  return [`hall ${hallId} was answered ${status} for key ${idempotencyKey}`];
}

function firstOf(texts: readonly string[]): string[] {
  const shown = 3;
  if (texts.length <= shown) return [...texts];
  return [...texts.slice(0, shown), `${texts.length - shown} more like these`];
}

interface Wait {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const lookEveryMs = 100;

/** As long as the look took, at least: it is the same machine that has the work to do. */
async function pauseAfterLook(lookedAtMs: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(lookEveryMs, performance.now() - lookedAtMs), undefined, { signal });
}

/** Whether all of these were done or in the dead letters in time. */
export async function waitUntilSettled(
  stage: AuditedStage,
  operationIds: readonly string[],
  { timeoutMs, signal }: Wait,
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const lookedAtMs = performance.now();
    if ((await findUnsettled(stage, operationIds)).length === 0) return true;
    if (performance.now() > deadlineMs) return false;
    await pauseAfterLook(lookedAtMs, signal);
  }
}

/** Neither done nor in the dead letters. */
async function findUnsettled(stage: AuditedStage, operationIds: readonly string[]): Promise<readonly string[]> {
  const operations = await stage.database.audit.operations();
  const notDone = operationIds.filter((operationId) => operations.get(operationId)?.state !== 'done');
  if (notDone.length === 0) return [];
  const dead = new Set((await readDeadLetters(stage)).map(({ operationId }) => operationId));
  return notDone.filter((operationId) => !dead.has(operationId));
}

/**
 * Until every accepted job is done or in the dead letters and the stream is empty (what was done and not acknowledged
 * comes again, and could be done twice only then), or nothing has changed for `stillMs`: then what is missing is lost.
 * `stillMs` has to be longer than anything that the service waits for by itself.
 *
 * @throws when there is still something going on after `timeoutMs`: nothing could be said about what is lost
 */
export async function waitForQuiet(
  stage: AuditedStage,
  ledger: AcceptedLedger,
  { stillMs, timeoutMs, signal }: Wait & { readonly stillMs: number },
): Promise<void> {
  const startMs = performance.now();
  let changedAtMs = startMs;
  let before = '';
  for (;;) {
    const lookedAtMs = performance.now();
    const accepted = ledger.entries.filter(isAccepted).map(({ operationId }) => operationId);
    const unsettled = (await findUnsettled(stage, accepted)).length;
    const { entries, pending } = await stage.queueLeft();
    if (unsettled === 0 && entries === 0 && pending === 0) return;
    const nowMs = performance.now();
    const now = `${unsettled} jobs, ${entries} entries, ${pending} pending`;
    if (now !== before) changedAtMs = nowMs;
    before = now;
    if (nowMs - changedAtMs > stillMs) return;
    if (nowMs - startMs > timeoutMs) {
      throw new Error(
        `${unsettled} of ${accepted.length} accepted jobs are not settled after ${timeoutMs} ms, ${entries} entries are in ` +
          'the stream, and it still goes on: ' +
          'offer less, or wait longer',
      );
    }
    await pauseAfterLook(lookedAtMs, signal);
  }
}

/** Accepted, and not done now. */
export async function countInFlight(stage: AuditedStage, ledger: AcceptedLedger): Promise<number> {
  const operations = await stage.database.audit.operations();
  const accepted = ledger.entries.filter(isAccepted);
  return accepted.filter(({ operationId }) => operations.get(operationId)?.state !== 'done').length;
}
