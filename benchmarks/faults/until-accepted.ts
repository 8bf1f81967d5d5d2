import { type AcceptedLedger, isAccepted } from './accepted-ledger.ts';
import { poll } from './poll.ts';

const withinMs = 60_000;

/** @throws when fewer than `count` jobs are accepted within a minute, or the signal is aborted */
export async function untilAccepted(
  ledger: Pick<AcceptedLedger, 'entries'>,
  { count, signal }: { readonly count: number; readonly signal: AbortSignal },
): Promise<void> {
  const countAccepted = (): number => ledger.entries.filter(isAccepted).length;
  const found = await poll(() => countAccepted() >= count || undefined, { everyMs: 1, withinMs, signal });
  if (!found) throw new Error(`${countAccepted()} of ${count} jobs were accepted within a minute: is the API there?`);
}
