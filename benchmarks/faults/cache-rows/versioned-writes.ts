import { setTimeout as sleep } from 'node:timers/promises';

import { createSeededRandom } from '../../analysis/seeded-random.ts';
import type { VersionedPerformances } from './versioned-performances.ts';

export interface WriteLoad {
  readonly performances: Pick<VersionedPerformances, 'write'>;
  /** Of the performances that are written. Each writer has its own of them, so that versions are in order. */
  readonly ids: readonly number[];
  readonly apiUrls: readonly string[];
  readonly writers: number;
  /** Between an answer and the next write of the same writer. */
  readonly pauseMs?: number;
  /** Uniform in [0, 1): which performance is written, and through which process. */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

export interface RunningWrites {
  readonly answered: number;
  /** Not answered with 200. */
  readonly failed: number;
  /** Writes nothing more; resolves when every write has its end. */
  end(): Promise<void>;
}

/** Begins to write. What rejects, rejects in `end`. */
export function startWrites({ performances, ids, apiUrls, ...load }: WriteLoad): RunningWrites {
  const { writers, pauseMs = 0, random, signal } = load;
  const counts = { answered: 0, failed: 0 };
  let isOver = false;
  const goesOn = (): boolean => !isOver && !signal.aborted;

  async function writeInTurn(writer: number): Promise<void> {
    const own = ids.filter((_, index) => index % writers === writer);
    // Of its own, so that what it draws does not depend on how fast the others are.
    const draw = createSeededRandom(Math.floor(random() * 2 ** 32));
    while (goesOn()) {
      const id = own[Math.floor(draw() * own.length)];
      const apiUrl = apiUrls[Math.floor(draw() * apiUrls.length)];
      if (id === undefined || apiUrl === undefined)
        throw new Error(`writer ${writer} has nothing to write, or nowhere`);
      counts[(await performances.write(id, apiUrl)) ? 'answered' : 'failed'] += 1;
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }

  const writing = Promise.all(Array.from({ length: writers }, (_, writer) => writeInTurn(writer)));
  // Awaited in `end`; until then a rejection is nobody's.
  writing.catch(() => undefined);
  return {
    get answered() {
      return counts.answered;
    },
    get failed() {
      return counts.failed;
    },
    async end() {
      isOver = true;
      await writing;
    },
  };
}
