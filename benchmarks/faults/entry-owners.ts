import type { PendingEntry, QueueInspection } from './queue-inspection.ts';
import { repeatedly } from './repeatedly.ts';

export interface EntryOwners {
  /** When an entry was first seen in other hands than the first owner's: `performance.now()`. */
  takenOverAtMs(): number | undefined;
  /** Ends it. How many entries the first owner has taken back from somebody who was alive. */
  stop(): Promise<number>;
}

const lookEveryMs = 10;

/**
 * Watches who holds these entries, which `firstOwner` holds now. Taking back what has been idle for `minIdleMs` is no
 * stealing: its holder has given no sign of life.
 */
export function watchEntryOwners(
  queue: Pick<QueueInspection, 'pending'>,
  held: readonly PendingEntry[],
  {
    firstOwner,
    minIdleMs,
    signal,
  }: { readonly firstOwner: string; readonly minIdleMs: number; readonly signal: AbortSignal },
): EntryOwners {
  const before = new Map(held.map((entry) => [entry.entryId, entry]));
  const takenBack = new Set<string>();
  let takenOverAtMs: number | undefined;
  let lookedAtMs = performance.now();

  function see(entry: PendingEntry, sinceMs: number): void {
    const last = before.get(entry.entryId);
    if (!last) return;
    before.set(entry.entryId, entry);
    if (entry.consumer !== firstOwner) takenOverAtMs ??= performance.now();
    const wasOthers = last.consumer !== firstOwner && last.idleMs + sinceMs < minIdleMs;
    if (wasOthers && entry.consumer === firstOwner) takenBack.add(entry.entryId);
  }

  async function look(): Promise<void> {
    const pending = await queue.pending();
    const sinceMs = performance.now() - lookedAtMs;
    lookedAtMs += sinceMs;
    for (const entry of pending) see(entry, sinceMs);
  }
  const endLooking = repeatedly(lookEveryMs, look, signal);
  return {
    takenOverAtMs: () => takenOverAtMs,
    async stop() {
      await endLooking();
      return takenBack.size;
    },
  };
}
