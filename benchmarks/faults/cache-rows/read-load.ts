import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import type { Reads } from '../../evidence/trials-schema.ts';
import { type Exchange, exchange } from './http-exchange.ts';
import { type VersionedPerformances, versionOf } from './versioned-performances.ts';

export interface ReadLoad {
  readonly performances: VersionedPerformances;
  /** Asked in turn. */
  readonly apiUrls: readonly string[];
  /** Closed: so many clients, each of which asks when it has its answer. Open: by the clock, whatever the answers. */
  readonly pace: { readonly inFlight: number } | { readonly perSecond: number };
  /** Every so many-th read is the main page instead of a detail; 0: none is. */
  readonly pageEvery: number;
  /** A read is owed what was answered to writers this long before it began. */
  readonly allowedAgeMs?: (startedAtMs: number) => number;
  /** Default: 10,000. */
  readonly answerWithinMs?: number;
  readonly signal: AbortSignal;
}

export interface ReadRecord {
  /** Of `performance.now()`. */
  readonly startedAtMs: number;
  readonly seconds: number;
  readonly outcome: 'answered' | 'refused' | 'wrong' | 'stale';
  readonly isHit: boolean;
  /** Of what was wrong or stale: what was seen. */
  readonly what: string | undefined;
}

export interface RunningReads {
  readonly records: readonly ReadRecord[];
  /** Asks nothing more; resolves when every read has its end. */
  end(): Promise<void>;
}

const detailSchema = z.object({ id: z.int(), title: z.string() });
const pageSchema = z.object({ items: z.array(detailSchema).min(1) });
type Judged = Pick<ReadRecord, 'outcome' | 'what'>;

/** Begins to read. What rejects, rejects in `end`. */
export function startReads(load: ReadLoad): RunningReads {
  const { performances, apiUrls, pace, pageEvery, answerWithinMs = 10_000, signal } = load;
  const agent = new Agent({ keepAlive: true });
  const records: ReadRecord[] = [];
  let asked = 0;
  let isOver = false;
  const goesOn = (): boolean => !isOver && !signal.aborted;

  async function read(): Promise<void> {
    const number = asked;
    asked += 1;
    const { ids, genre } = performances;
    // Of a page or of each detail in turn, at each process in turn.
    const id = pageEvery > 0 && number % pageEvery === 0 ? undefined : ids[number % ids.length];
    const apiUrl = apiUrls[(number + Math.floor(number / ids.length)) % apiUrls.length];
    const url = `${apiUrl}/performances${id === undefined ? `?genre=${genre}` : `/${id}`}`;
    const startedAtMs = performance.now();
    const answer = await exchange({ method: 'GET', url, agent, withinMs: answerWithinMs });
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const isHit = answer?.headers['cache-status'] === 'ticketing; hit';
    records.push({ startedAtMs, seconds, isHit, ...judge(load, { id, startedAtMs, answer }) });
  }
  async function readInTurn(): Promise<void> {
    while (goesOn()) await read();
  }
  async function readByTheClock(perSecond: number): Promise<void> {
    const startMs = performance.now();
    const reads: Promise<void>[] = [];
    for (let index = 0; goesOn(); index += 1) {
      const untilDueMs = startMs + (index * 1_000) / perSecond - performance.now();
      if (untilDueMs > 0) await sleep(untilDueMs);
      if (goesOn()) reads.push(read());
    }
    await Promise.all(reads);
  }

  const reading =
    'inFlight' in pace
      ? Promise.all(Array.from({ length: pace.inFlight }, readInTurn))
      : readByTheClock(pace.perSecond);
  // Awaited in `end`; until then a rejection is nobody's.
  reading.catch(() => undefined);
  return {
    records,
    async end() {
      isOver = true;
      try {
        await reading;
      } finally {
        agent.destroy();
      }
    },
  };
}

function judge(
  { performances, allowedAgeMs = () => 0 }: ReadLoad,
  read: { readonly id: number | undefined; readonly startedAtMs: number; readonly answer: Exchange | undefined },
): Judged {
  const { id, startedAtMs, answer } = read;
  if (answer === undefined) return { outcome: 'wrong', what: 'no answer' };
  const { status, headers, body } = answer;
  if (status === 503 && headers['retry-after'] !== undefined) return { outcome: 'refused', what: undefined };
  if (status !== 200) return { outcome: 'wrong', what: `${status} ${body.slice(0, 200)}` };
  const parsed = id === undefined ? pageSchema.safeParse(parse(body)) : detailSchema.safeParse(parse(body));
  if (!parsed.success) return { outcome: 'wrong', what: `200 ${body.slice(0, 200)}` };
  const found = 'items' in parsed.data ? parsed.data.items : [parsed.data];
  for (const item of found) {
    const version = versionOf(item.title);
    const isKnown = performances.ids.includes(item.id) && (id === undefined || item.id === id);
    if (!isKnown || version === undefined || version > performances.sent(item.id)) {
      return { outcome: 'wrong', what: `200 with ${item.title} of performance ${item.id}` };
    }
    const promised = performances.promisedAt(item.id, startedAtMs - allowedAgeMs(startedAtMs));
    if (version < promised) {
      return { outcome: 'stale', what: `version ${version} of performance ${item.id} after ${promised} was answered` };
    }
  }
  return { outcome: 'answered', what: undefined };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

export function countReads(records: readonly ReadRecord[]): Reads {
  const of = (outcome: ReadRecord['outcome']) => records.filter((record) => record.outcome === outcome).length;
  const slowest = records.reduce(
    (most, { outcome, seconds }) => (outcome === 'refused' ? most : Math.max(most, seconds)),
    0,
  );
  return {
    asked: records.length,
    answered: of('answered'),
    refused: of('refused'),
    wrong: of('wrong'),
    stale: of('stale'),
    slowestSeconds: slowest,
  };
}

/** Of the reads that began in [from, to): their p99 (nearest rank) in seconds; `undefined` when there were none. */
export function p99Seconds(records: readonly ReadRecord[], fromMs: number, toMs: number): number | undefined {
  const sorted = records
    .filter(({ startedAtMs, outcome }) => startedAtMs >= fromMs && startedAtMs < toMs && outcome !== 'refused')
    .map(({ seconds }) => seconds)
    .toSorted((a, b) => a - b);
  return sorted[Math.ceil(0.99 * sorted.length) - 1];
}

/** The first of what was wrong or stale, in words: what the counts alone would not tell. */
export function firstWrong(records: readonly ReadRecord[]): string[] {
  const found = records.find(({ what }) => what !== undefined)?.what;
  return found === undefined ? [] : [`the first wrong or stale read: ${found}`];
}
