import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Does something over and over, `everyMs` after each end, until the returned function is called or the signal is
 * aborted. The function resolves when it is over, and rejects with what any of them has rejected with.
 */
export function repeatedly(
  everyMs: number,
  act: () => Promise<void> | void,
  signal?: AbortSignal,
): () => Promise<void> {
  const over = new AbortController();
  const isOver = (): boolean => over.signal.aborted || signal?.aborted === true;
  const acting = (async () => {
    while (!isOver()) {
      await act();
      await sleep(everyMs);
    }
  })();
  // Awaited by whoever ends it; until then a rejection is nobody's.
  acting.catch(() => undefined);
  return async () => {
    over.abort();
    await acting;
  };
}
