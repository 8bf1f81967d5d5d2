import { setTimeout as sleep } from 'node:timers/promises';

/** Something that is done over and over, at moments that do not depend on how it goes. */
export interface RunningClockwork {
  /** Begins nothing more; resolves when all that was begun has ended. Rejects when one of it did. */
  end(): Promise<void>;
}

/** Begins `work` number n (from 0) at n / `perSecond` seconds from now; `dueMs` is of `performance.now()`. */
export function startByTheClock(
  perSecond: number,
  work: (index: number, dueMs: number) => Promise<void>,
  signal: AbortSignal,
): RunningClockwork {
  let isOver = false;
  async function run(): Promise<void> {
    const startMs = performance.now();
    const begun: Promise<void>[] = [];
    for (let index = 0; ; index += 1) {
      const dueMs = startMs + (1_000 * index) / perSecond;
      const untilDueMs = dueMs - performance.now();
      if (untilDueMs > 0) await sleep(untilDueMs);
      if (isOver || signal.aborted) break;
      begun.push(work(index, dueMs));
    }
    await Promise.all(begun);
  }
  const running = run();
  // Awaited in `end`; until then a rejection is nobody's.
  running.catch(() => undefined);
  return {
    end() {
      isOver = true;
      return running;
    },
  };
}
