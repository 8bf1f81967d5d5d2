import { Redis } from 'ioredis';
import { z } from 'zod';

import type { QueueLeft, RedisNode } from './stage.ts';

/** As service/src/seat-creation/README.md names them. */
export const queueKeys = { stream: 'seat-creation', group: 'seat-makers', deadLetters: 'seat-creation:dead' } as const;

const pendingSchema = z.array(z.tuple([z.string(), z.string(), z.number(), z.number()]));
const lettersSchema = z.array(z.tuple([z.string(), z.array(z.string())]));
const consumersSchema = z.array(z.array(z.union([z.string(), z.number()])));

export interface PendingEntry {
  readonly entryId: string;
  readonly consumer: string;
  readonly idleMs: number;
}

export interface QueueLetter {
  /** When it was written, by the clock of Redis: milliseconds since the epoch. */
  readonly writtenAtMs: number;
  /** Of the entry that it was written for. */
  readonly entryId: string;
  readonly operationId: string;
  readonly reason: string;
}

/** The queue's Redis with a connection of the lab's own, past any proxy. */
export interface QueueInspection {
  /** For whatever a fault does to the server. */
  readonly client: Redis;
  /** Of jobs, delivered or not. 0 when the stream is not there. */
  entryCount(): Promise<number>;
  /** The oldest 10,000 entries that somebody holds; none when the group is not there. */
  pending(): Promise<readonly PendingEntry[]>;
  /** All dead letters, the oldest first. */
  letters(): Promise<readonly QueueLetter[]>;
  /** Names of the group's consumers, with and without entries. */
  consumers(): Promise<readonly string[]>;
  /** Puts an entry into the stream as no publisher would; its id. */
  addEntry(fields: Readonly<Record<string, string | Buffer>>): Promise<string>;
  close(): void;
}

/** A stage, or as much of it as is needed. */
interface QueueAddress {
  readonly redisQueue: Pick<RedisNode, 'url'>;
}

export async function openQueueInspection({ redisQueue }: QueueAddress): Promise<QueueInspection> {
  const client = new Redis(redisQueue.url, { lazyConnect: true });
  // The commands reject with the same error.
  client.on('error', () => undefined);
  await client.connect();
  const { stream, group, deadLetters } = queueKeys;
  return {
    client,
    entryCount: () => client.xlen(stream),
    async pending() {
      const reply = await client.xpending(stream, group, '-', '+', 10_000).catch(emptyWithoutGroup);
      return pendingSchema.parse(reply).map(([entryId, consumer, idleMs]) => ({ entryId, consumer, idleMs }));
    },
    async letters() {
      const reply = lettersSchema.parse(await client.xrange(deadLetters, '-', '+'));
      return reply.map(([letterId, fields]) => {
        const text = textOf(fields);
        return {
          writtenAtMs: Number(letterId.split('-')[0]),
          entryId: text('entry'),
          operationId: text('operation'),
          reason: text('reason'),
        };
      });
    },
    async consumers() {
      const reply = await client.xinfo('CONSUMERS', stream, group).catch(emptyWithoutGroup);
      return consumersSchema.parse(reply).map((fields) => textOf(fields.map(String))('name'));
    },
    async addEntry(fields) {
      const entryId = await client.xadd(stream, '*', ...Object.entries(fields).flat());
      if (entryId === null) throw new Error(`XADD to ${stream} gave no id`);
      return entryId;
    },
    close: () => client.disconnect(),
  };
}

/** By a connection that is closed again: for a look now and then. */
export async function readQueueLeft(redisQueue: Pick<RedisNode, 'url'>): Promise<QueueLeft> {
  const inspection = await openQueueInspection({ redisQueue });
  try {
    const [entries, pending] = [await inspection.entryCount(), await inspection.pending()];
    return { entries, pending: pending.length };
  } finally {
    inspection.close();
  }
}

/** Of names and values in turn, the value of a name; '' when there is none. */
function textOf(fields: readonly string[]): (name: string) => string {
  const index = (name: string): number => fields.findIndex((text, at) => at % 2 === 0 && text === name);
  return (name) => (index(name) < 0 ? '' : (fields[index(name) + 1] ?? ''));
}

function emptyWithoutGroup(error: unknown): readonly [] {
  if (error instanceof Error && /^(NOGROUP|ERR no such key)/.test(error.message)) return [];
  throw error;
}
