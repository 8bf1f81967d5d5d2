import type { Redis } from 'ioredis';

import type { QueueDepth } from './seat-creation-metrics.ts';
import { deadLettersKey, groupName, streamKey } from './stream-keys.ts';
import { asList, asNumber, asText, isNoGroup } from './stream-reply.ts';

/** Entries are deleted when they are acknowledged, so what nobody has is the length minus what is pending. */
export async function readQueueDepth(client: Redis, now: () => Date): Promise<QueueDepth> {
  const [length, deadLetters, { pending, oldestId }] = await Promise.all([
    client.xlen(streamKey),
    client.xlen(deadLettersKey),
    readPending(client),
  ]);
  const acceptedMs = Number(oldestId?.split('-')[0]);
  return {
    backlog: Math.max(0, length - pending),
    pending,
    oldestPendingSeconds: oldestId ? Math.max(0, (now().getTime() - acceptedMs) / 1_000) : 0,
    deadLetters,
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
