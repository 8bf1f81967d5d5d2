import { type Page, type PageRead, startPageReads } from '../cache-outage/page-reads.ts';
import type { Stage } from '../stage.ts';
import { type Change, startChanges } from './changes.ts';

/** What is asked for, by the clock, whatever becomes of it. */
export interface PoolLoad {
  readonly pages: readonly Page[];
  readonly pagesPerSecond: number;
  /** The same while the fault is there: traffic may be what brings it about. */
  readonly pagesPerSecondInFault: number;
  readonly changesPerSecond: number;
  /** Ids from 1 to this are changed. */
  readonly performances: number;
}

/** Each of the statements that a page may need one after the other can wait for a connection before it is given up. */
const answerWithinMs = 10_000;

export interface RunningPoolLoad {
  readonly reads: readonly PageRead[];
  readonly changes: readonly Change[];
  rise(): void;
  fall(): void;
  /** Asks for nothing more; resolves when every request has its end. */
  end(): Promise<void>;
}

/** @throws when the stage has no API */
export function startPoolLoad(
  stage: Pick<Stage, 'apis' | 'apiToken'>,
  load: PoolLoad,
  signal: AbortSignal,
): RunningPoolLoad {
  const { pages, performances, changesPerSecond, pagesPerSecond, pagesPerSecondInFault } = load;
  const apiUrl = stage.apis[0]?.apiUrl;
  if (apiUrl === undefined) throw new Error('the stage came up without an API');
  const readAt = (perSecond: number) => startPageReads({ apiUrl, pages, perSecond, answerWithinMs }, signal);
  const usual = readAt(pagesPerSecond);
  const more: ReturnType<typeof readAt>[] = [];
  const changing =
    changesPerSecond > 0
      ? startChanges({ apiUrl, apiToken: stage.apiToken, performances, perSecond: changesPerSecond }, signal)
      : undefined;
  return {
    get reads() {
      return [usual, ...more].flatMap(({ reads }) => reads);
    },
    get changes() {
      return changing?.changes ?? [];
    },
    rise() {
      if (pagesPerSecondInFault > pagesPerSecond) more.push(readAt(pagesPerSecondInFault - pagesPerSecond));
    },
    fall() {
      // Awaited in `end`; until then a rejection is nobody's.
      for (const reads of more) reads.end().catch(() => undefined);
    },
    async end() {
      await Promise.all([...[usual, ...more].map((reads) => reads.end()), changing?.end()]);
    },
  };
}
