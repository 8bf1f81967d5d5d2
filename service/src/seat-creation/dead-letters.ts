import { z } from 'zod';

import { loadRedisScript } from '../redis/redis-script.ts';
import { failureReasons } from './failure.ts';
import { decodeJob, encodeJob } from './job.ts';
import type { DeadLetter, DeadLetters, PastFailure, ReplayResult } from './seat-creation-queue.ts';
import { deadLettersKey, operationKey, replayedKey, streamKey, targetKey } from './stream-keys.ts';
import { queueFull, rememberedMs, type StreamPublisher } from './stream-publisher.ts';
import { asEntries, asList, asNumber, asText, type StreamEntry, unreadableReply } from './stream-reply.ts';

const replayScript = loadRedisScript(new URL('replay.lua', import.meta.url));

const historySchema = z.array(z.object({ reason: z.string(), message: z.string(), failedAt: z.string() }));

/** What an entry or a letter tells of earlier letters. A text that tells nothing is no reason to stop. */
function readHistory(text: string): readonly PastFailure[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const parsed = historySchema.safeParse(value);
  return parsed.success ? parsed.data : [];
}

function toLetter({ entryId, fields }: StreamEntry): DeadLetter {
  const text = (name: string): string => fields.get(name)?.toString() ?? '';
  const job = decodeJob(fields.get('job') ?? Buffer.alloc(0));
  return {
    id: entryId,
    reason: failureReasons.find((known) => known === text('reason')) ?? 'unexpected',
    message: text('message'),
    failedAt: text('failed-at'),
    failedAttempts: Number(text('attempts')),
    deliveries: Number(text('deliveries')),
    history: readHistory(text('history')),
    ...(!('unreadable' in job) && { job }),
  };
}

/** The letters of the stream's queue. */
export function createDeadLetters(publisher: StreamPublisher, { backlogLimit }: { readonly backlogLimit: number }) {
  const deadLetters: DeadLetters = {
    list: ({ after, limit }) =>
      publisher.ask(async (client) => {
        const from = after === undefined ? '-' : `(${after}`;
        const reply = await client.callBuffer('XRANGE', [deadLettersKey, from, '+', 'COUNT', limit]);
        return asEntries('XRANGE', reply).map(toLetter);
      }),

    replay: (letterId) =>
      publisher.promise(async (client): Promise<ReplayResult> => {
        const found = await client.callBuffer('XRANGE', [deadLettersKey, letterId, letterId]);
        const [entry] = asEntries('XRANGE', found);
        if (!entry) {
          const replayedAs = await client.get(replayedKey(letterId));
          return replayedAs === null ? { result: 'missing' } : { result: 'replayed', operationId: replayedAs };
        }
        const { job, history, reason, message, failedAt } = toLetter(entry);
        if (!job) return { result: 'unreadable' };
        const again = { ...job, replays: job.replays + 1 };
        const { operationId, target } = job;
        const keys = [streamKey, deadLettersKey, operationKey(operationId), targetKey(target), replayedKey(letterId)];
        const past = JSON.stringify([...history, { reason, message, failedAt }]);
        const values = [letterId, operationId, encodeJob(again), past, backlogLimit, rememberedMs];
        return readReplayReply(await replayScript(client, keys, values), backlogLimit);
      }),
  };
  return deadLetters;
}

function readReplayReply(reply: unknown, backlogLimit: number): ReplayResult {
  const name = 'replay.lua';
  const [word, value] = asList(name, reply);
  const result = asText(name, word);
  if (result === 'missing') return { result };
  if (result === 'replayed' || result === 'under-way') return { result, operationId: asText(name, value) };
  if (result === 'full') throw queueFull(asNumber(name, value), backlogLimit);
  throw unreadableReply(name, reply);
}
