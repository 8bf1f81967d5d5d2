import { randomBytes, randomUUID } from 'node:crypto';

import { poll } from './poll.ts';
import type { QueueInspection, QueueLetter } from './queue-inspection.ts';

/** Entries that no publisher of the service would write, and the reason of the dead letter that each must become. */
const kinds = {
  garbage: { reason: 'unreadable', content: () => randomBytes(64) },
  'wrong schema': { reason: 'unreadable', content: () => JSON.stringify({ operationId: 7, hall: 'Main hall' }) },
  'unknown hall': { reason: 'hall-not-found', content: jobForUnknownHall },
} as const;

export type PoisonKind = keyof typeof kinds;
export const poisonKinds = ['garbage', 'wrong schema', 'unknown hall'] as const satisfies readonly PoisonKind[];

export interface PoisonEntry {
  readonly kind: PoisonKind;
  readonly entryId: string;
}

export async function addPoison(queue: Pick<QueueInspection, 'addEntry'>, kind: PoisonKind): Promise<PoisonEntry> {
  return { kind, entryId: await queue.addEntry({ job: kinds[kind].content() }) };
}

/** An id that no database of a stage comes to. */
function jobForUnknownHall(): string {
  const target = { kind: 'hall', id: Number.MAX_SAFE_INTEGER };
  return JSON.stringify({ operationId: randomUUID(), target, acceptedAt: new Date().toISOString(), replays: 0 });
}

/** Until each entry has a dead letter, or the time is over: `letterProblems` then says which have none. */
export async function waitForLetters(
  queue: Pick<QueueInspection, 'letters'>,
  poison: readonly PoisonEntry[],
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const haveAll = async (): Promise<true | undefined> => {
    const lettered = new Set((await queue.letters()).map(({ entryId }) => entryId));
    return poison.every(({ entryId }) => lettered.has(entryId)) || undefined;
  };
  await poll(haveAll, { everyMs: 100, withinMs: timeoutMs, signal });
}

/** What is not as it must be: one letter for each entry, with its reason. */
export function letterProblems(letters: readonly QueueLetter[], poison: readonly PoisonEntry[]): readonly string[] {
  const lettersOf = Map.groupBy(letters, ({ entryId }) => entryId);
  return poisonKinds.flatMap((kind) => {
    const entries = poison.filter((entry) => entry.kind === kind);
    const { reason } = kinds[kind];
    const own = entries.map(({ entryId }) => lettersOf.get(entryId) ?? []);
    const none = own.filter(({ length }) => length === 0).length;
    const several = own.filter(({ length }) => length > 1).length;
    const wrong = own.flat().filter((letter) => letter.reason !== reason);
    const of = `of ${entries.length} entries (${kind})`;
    return [
      ...(none > 0 ? [`${none} ${of} have no dead letter`] : []),
      ...(several > 0 ? [`${several} ${of} have more than one dead letter`] : []),
      ...(wrong[0] ? [`${wrong.length} letters ${of} give a reason other than ${reason}, as ${wrong[0].reason}`] : []),
    ];
  });
}
