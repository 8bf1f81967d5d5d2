import type { Redis } from 'ioredis';

import type { FindDurabilityProblems } from './queue-durability.ts';
import type { QueueDepth } from './seat-creation-metrics.ts';
import { deadLettersKey, groupName, streamKey } from './stream-keys.ts';
import { asList, asNumber, asText, isNoGroup } from './stream-reply.ts';

interface Look {
  readonly now: () => Date;
  readonly findDurabilityProblems: FindDurabilityProblems;
}

/**
 * Entries are deleted when they are acknowledged, so what nobody has is the length minus what is pending, and the first
 * entry is the oldest that is not settled.
 */
export async function readQueueDepth(client: Redis, { now, findDurabilityProblems }: Look): Promise<QueueDepth> {
  const [length, deadLetters, { pending, oldestId }, [first], problems] = await Promise.all([
    client.xlen(streamKey),
    client.xlen(deadLettersKey),
    readPending(client),
    client.xrange(streamKey, '-', '+', 'COUNT', 1),
    // A hosted Redis may forbid CONFIG; the depth is known all the same.
    findDurabilityProblems(client).catch(() => undefined),
  ]);
  const secondsSince = (entryId: string | undefined): number =>
    entryId ? Math.max(0, (now().getTime() - Number(entryId.split('-')[0])) / 1_000) : 0;
  return {
    backlog: Math.max(0, length - pending),
    pending,
    oldestPendingSeconds: secondsSince(oldestId),
    oldestJobSeconds: secondsSince(first?.[0]),
    deadLetters,
    durable: problems && problems.length === 0,
  };
}

async function readPending(client: Redis): Promise<{ readonly pending: number; readonly oldestId?: string }> {
  try {
    const [pending, oldestId] = asList('XPENDING', await client.callBuffer('XPENDING', [streamKey, groupName]));
    return {
      pending: asNumber('XPENDING', pending),
      ...(oldestId !== null && { oldestId: asText('XPENDING', oldestId) }),
    };
  } catch (error) {
    if (isNoGroup(error)) return { pending: 0 };
    throw error;
  }
}
