import { setTimeout as sleep } from 'node:timers/promises';

export interface Polling {
  readonly everyMs: number;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/**
 * Looks until something is found, and gives it; `undefined` when nothing was. The last look is the one that ends after
 * the time is over. Rejects as `look` does, or when the signal is aborted.
 */
export async function poll<Found>(
  look: () => Found | undefined | Promise<Found | undefined>,
  { everyMs, withinMs, signal }: Polling,
): Promise<Found | undefined> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined || performance.now() > deadlineMs) return found;
    await sleep(everyMs, undefined, { signal });
  }
}

/** Until it is so. @throws `<notSo> within <n> ms` when it is not in time */
export async function pollUntil(
  isSo: () => boolean | Promise<boolean>,
  { notSo, ...polling }: Polling & { readonly notSo: string },
): Promise<void> {
  const found = await poll(async () => (await isSo()) || undefined, polling);
  if (!found) throw new Error(`${notSo} within ${polling.withinMs} ms`);
}
