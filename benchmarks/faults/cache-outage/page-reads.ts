import { Agent } from 'node:http';

import type { Reads } from '../../evidence/trials-schema.ts';
import { performanceWorkload } from '../../scenarios/performance-workload.ts';
import { startByTheClock } from '../by-the-clock.ts';
import { type Exchange, exchange } from '../cache-rows/http-exchange.ts';

/** List pages of the seeded catalogue, each with a key of its own in the cache. */
export interface Page {
  readonly path: string;
  readonly genre: string;
  readonly items: number;
}

/** A service that promises an answer in about a second is given up later than that. */
const usuallyWithinMs = 3_000;

/** Pages of all cities, which cost the database most: every genre, 1 to `sizes` performances long. */
export function pagesOf(sizes: number): readonly Page[] {
  return Array.from({ length: sizes }, (_, index) => index + 1).flatMap((items) =>
    performanceWorkload.genres.map((genre) => ({ path: `/performances?genre=${genre}&limit=${items}`, genre, items })),
  );
}

export interface PageRead {
  /** When it was due, of `performance.now()`: all times of a reader begin here. */
  readonly dueMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly outcome: 'served' | 'refused' | 'failed';
  readonly isHit: boolean;
  /** Of what failed: what was seen. */
  readonly what: string | undefined;
}

export interface RunningPageReads {
  readonly reads: readonly PageRead[];
  /** Asks nothing more; resolves when every read has its end. */
  end(): Promise<void>;
}

/** Reads the pages in turn, read n at n / `perSecond` seconds from now whatever became of those before. */
export function startPageReads(
  {
    apiUrl,
    pages,
    perSecond,
    answerWithinMs = usuallyWithinMs,
  }: { apiUrl: string; pages: readonly Page[]; perSecond: number; answerWithinMs?: number },
  signal: AbortSignal,
): RunningPageReads {
  const agent = new Agent({ keepAlive: true });
  const reads: PageRead[] = [];
  const read = async (index: number, dueMs: number): Promise<void> => {
    const page = pages[index % pages.length];
    if (page) reads.push(await readPage({ apiUrl, agent, page, dueMs, answerWithinMs }));
  };
  const reading = startByTheClock(perSecond, read, signal);
  return {
    reads,
    async end() {
      try {
        await reading.end();
      } finally {
        agent.destroy();
      }
    },
  };
}

/** So many clients, each of which asks for the next page when it has its answer, until `isOver`. */
export async function readInTurn({
  apiUrl,
  pages,
  inFlight,
  isOver,
}: {
  readonly apiUrl: string;
  readonly pages: readonly Page[];
  readonly inFlight: number;
  readonly isOver: (begun: number) => boolean;
}): Promise<readonly PageRead[]> {
  const agent = new Agent({ keepAlive: true });
  const reads: PageRead[] = [];
  let begun = 0;
  const client = async (): Promise<void> => {
    while (!isOver(begun)) {
      const page = pages[begun % pages.length];
      begun += 1;
      if (page)
        reads.push(await readPage({ apiUrl, agent, page, dueMs: performance.now(), answerWithinMs: usuallyWithinMs }));
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, client));
  } finally {
    agent.destroy();
  }
  return reads;
}

interface PageRequest {
  readonly apiUrl: string;
  readonly agent: Agent;
  readonly page: Page;
  readonly dueMs: number;
  readonly answerWithinMs: number;
}

async function readPage({ apiUrl, agent, page, dueMs, answerWithinMs }: PageRequest): Promise<PageRead> {
  const startedMs = performance.now();
  const answer = await exchange({ method: 'GET', url: apiUrl + page.path, agent, withinMs: answerWithinMs });
  const isHit = answer?.headers['cache-status'] === 'ticketing; hit';
  return { dueMs, startedMs, endedMs: performance.now(), isHit, ...judge(page, answer, answerWithinMs) };
}

function judge(
  { genre, items }: Page,
  answer: Exchange | undefined,
  answerWithinMs: number,
): Pick<PageRead, 'outcome' | 'what'> {
  if (answer === undefined) return { outcome: 'failed', what: `no answer within ${answerWithinMs} ms` };
  const { status, headers, body } = answer;
  if (status === 503 && headers['retry-after'] !== undefined) return { outcome: 'refused', what: undefined };
  // To parse hundreds of pages a second would make the generator late: the number of items of the genre tells enough.
  const found = body.split(`"genre":"${genre}"`).length - 1;
  if (status === 200 && body.startsWith('{"items":[{') && found === items)
    return { outcome: 'served', what: undefined };
  const seen = status === 200 ? `${found} of ${items} items of ${genre}: ` : '';
  return { outcome: 'failed', what: `${status} ${seen}${body.slice(0, 200)}` };
}

/** As a trial counts them: `answered` are the served ones, nothing is written that could make one stale. */
export function countPageReads(reads: readonly PageRead[]): Reads {
  const of = (outcome: PageRead['outcome']) => reads.filter((read) => read.outcome === outcome);
  const slowestMs = reads.reduce(
    (most, { outcome, dueMs, endedMs }) => (outcome === 'refused' ? most : Math.max(most, endedMs - dueMs)),
    0,
  );
  return {
    asked: reads.length,
    answered: of('served').length,
    refused: of('refused').length,
    wrong: of('failed').length,
    stale: 0,
    slowestSeconds: slowestMs / 1_000,
  };
}

/** By nearest rank; `undefined` without a value. */
export function percentileOf(values: readonly number[], quantile: number): number | undefined {
  const ascending = values.toSorted((a, b) => a - b);
  return ascending[Math.ceil(quantile * ascending.length) - 1];
}
