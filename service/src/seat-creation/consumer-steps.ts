import type { Redis } from 'ioredis';

import { loadRedisScript } from '../redis/redis-script.ts';
import type { SeatCreationFailure } from './failure.ts';
import { decodeJob, type SeatCreationJob } from './job.ts';
import {
  consumerPrefix,
  deadLettersKey,
  groupName,
  operationKey,
  slotPrefix,
  streamKey,
  targetKey,
} from './stream-keys.ts';
import { asFields, asList, asNumber, asReadEntries, asText, unreadableReply } from './stream-reply.ts';

const scripts = {
  ensureGroup: loadRedisScript(new URL('ensure-group.lua', import.meta.url)),
  redeliver: loadRedisScript(new URL('redeliver.lua', import.meta.url)),
  heartbeat: loadRedisScript(new URL('heartbeat.lua', import.meta.url)),
  acknowledge: loadRedisScript(new URL('acknowledge.lua', import.meta.url)),
  deadLetter: loadRedisScript(new URL('dead-letter.lua', import.meta.url)),
  handBack: loadRedisScript(new URL('hand-back.lua', import.meta.url)),
  deleteIdleConsumers: loadRedisScript(new URL('delete-idle-consumers.lua', import.meta.url)),
};

/** An entry that was given to this consumer. */
export interface Delivery {
  /** `<ms>-<sequence>`. */
  readonly entryId: string;
  /** How often it was given to anybody, this time included. */
  readonly deliveries: number;
  readonly content: SeatCreationJob | { readonly unreadable: string };
}

export interface JobDelivery extends Delivery {
  readonly content: SeatCreationJob;
}

export function isJobDelivery(delivery: Delivery): delivery is JobDelivery {
  return !('unreadable' in delivery.content);
}

export type Redelivery =
  | { readonly result: 'delivered' | 'exhausted'; readonly delivery: Delivery }
  | { readonly result: 'not-mine' | 'vanished' };

export interface ClaimedPage {
  /** Where the next page begins; `0-0`: there is none. */
  readonly cursor: string;
  /** Now pending under this name, and not yet counted as delivered: `redeliver` does that. */
  readonly entryIds: readonly string[];
  /** Pending entries that somebody has deleted; they are out of the list now. */
  readonly vanished: readonly string[];
}

/**
 * What a consumer does at Redis: each step is one round trip, atomic, and safe to repeat. They reject with whatever
 * the client rejects with, NOGROUP among it.
 */
export interface ConsumerSteps {
  /** Whether it was made now. */
  ensureGroup(): Promise<boolean>;
  /** Waits `blockMs` at most. */
  readNew(request: { readonly count: number; readonly blockMs: number }): Promise<readonly Delivery[]>;
  /** Ends a `readNew` that waits, from another connection. */
  endReading(): Promise<void>;
  /** What is pending under this name, behind `after`, at most `count`. Counts nothing. */
  listOwnPending(page: { readonly after: string; readonly count: number }): Promise<readonly string[]>;
  claimIdle(page: { readonly cursor: string; readonly count: number }): Promise<ClaimedPage>;
  redeliver(entryId: string): Promise<Redelivery>;
  /** The ids that are not this consumer's any more, or `slot-lost`. */
  heartbeat(entryIds: readonly string[]): Promise<readonly string[] | 'slot-lost'>;
  /** How many of them were pending still. */
  acknowledge(deliveries: readonly JobDelivery[]): Promise<number>;
  deadLetter(delivery: Delivery, facts: DeadLetterFacts): Promise<'moved' | 'not-mine' | 'vanished'>;
  handBack(entryIds: readonly string[]): Promise<number>;
  deleteIdleConsumers(shortestIdleMs: number): Promise<number>;
}

/** Puts something in the place of a step: for controls that are wrong on purpose. */
export type DecorateSteps = (steps: ConsumerSteps, consumer: string) => ConsumerSteps;

export interface DeadLetterFacts {
  readonly failure: Pick<SeatCreationFailure, 'reason' | 'message'>;
  readonly failedAt: string;
  readonly failedAttempts: number;
}

export interface ConsumerStepsParts {
  /** Only blocks. */
  readonly reader: Redis;
  readonly acknowledger: Redis;
  readonly slot: { readonly number: number; readonly token: string };
  /** An entry that was pending for so long without a sign of life is anybody's. Also the lifetime of a slot. */
  readonly minIdleMs: number;
  readonly maxDeliveries: number;
}

export function createConsumerSteps(parts: ConsumerStepsParts): ConsumerSteps {
  const { acknowledger, slot } = parts;
  const consumer = `${consumerPrefix}${slot.number}`;
  return {
    async ensureGroup() {
      return asNumber('ensure-group.lua', await scripts.ensureGroup(acknowledger, [streamKey], [groupName])) === 1;
    },
    ...createReadingSteps(parts, consumer),
    ...createTakingOverSteps(parts, consumer),
    ...createSettlingSteps(parts, consumer),
    async deleteIdleConsumers(shortestIdleMs) {
      const values = [groupName, slotPrefix, consumerPrefix, shortestIdleMs];
      const reply = await scripts.deleteIdleConsumers(acknowledger, [streamKey], values);
      return asNumber('delete-idle-consumers.lua', reply);
    },
  };
}

function createReadingSteps({ reader, acknowledger }: ConsumerStepsParts, consumer: string) {
  let readerId: number | undefined;
  reader.on('close', () => {
    readerId = undefined;
  });
  return {
    async readNew({ count, blockMs }) {
      readerId ??= await reader.client('ID');
      const group = ['GROUP', groupName, consumer, 'COUNT', count, 'BLOCK', blockMs, 'STREAMS', streamKey, '>'];
      const entries = asReadEntries(await reader.callBuffer('XREADGROUP', group));
      return entries.map(({ entryId, fields }) => ({ entryId, deliveries: 1, content: readContent(fields) }));
    },
    async endReading() {
      if (readerId !== undefined) await acknowledger.client('UNBLOCK', readerId);
    },
  } satisfies Partial<ConsumerSteps>;
}

function createTakingOverSteps({ acknowledger, minIdleMs, maxDeliveries }: ConsumerStepsParts, consumer: string) {
  return {
    async listOwnPending({ after, count }) {
      const reply = await acknowledger.callBuffer('XPENDING', [
        streamKey,
        groupName,
        `(${after}`,
        '+',
        count,
        consumer,
      ]);
      return asList('XPENDING', reply).map((pending) => asText('XPENDING', asList('XPENDING', pending)[0]));
    },
    async claimIdle({ cursor, count }) {
      const values = [streamKey, groupName, consumer, minIdleMs, cursor, 'COUNT', count, 'JUSTID'];
      const [next, claimed, vanished] = asList('XAUTOCLAIM', await acknowledger.callBuffer('XAUTOCLAIM', values));
      const toIds = (ids: unknown) => asList('XAUTOCLAIM', ids).map((entryId) => asText('XAUTOCLAIM', entryId));
      return { cursor: asText('XAUTOCLAIM', next), entryIds: toIds(claimed), vanished: toIds(vanished) };
    },
    async redeliver(entryId): Promise<Redelivery> {
      const name = 'redeliver.lua';
      const reply = await scripts.redeliver(acknowledger, [streamKey], [groupName, consumer, entryId, maxDeliveries]);
      const [word, deliveries, fields] = asList(name, reply);
      const result = asText(name, word);
      if (result === 'not-mine' || result === 'vanished') return { result };
      if (result !== 'delivered' && result !== 'exhausted') throw unreadableReply(name, reply);
      const content = readContent(asFields(name, fields));
      return { result, delivery: { entryId, deliveries: asNumber(name, deliveries), content } };
    },
  } satisfies Partial<ConsumerSteps>;
}

function createSettlingSteps({ acknowledger, slot, minIdleMs }: ConsumerStepsParts, consumer: string) {
  const slotKey = `${slotPrefix}${slot.number}`;
  const me = [groupName, consumer, slot.token];
  return {
    async heartbeat(entryIds) {
      const name = 'heartbeat.lua';
      const reply = await scripts.heartbeat(acknowledger, [streamKey, slotKey], [...me, minIdleMs, ...entryIds]);
      const [word, ...lost] = asList(name, reply).map((part) => asText(name, part));
      return word === 'slot-lost' ? word : lost;
    },
    async acknowledge(deliveries) {
      const name = 'acknowledge.lua';
      const keys = deliveries.flatMap(({ content }) => [operationKey(content.operationId), targetKey(content.target)]);
      const values = deliveries.flatMap(({ entryId, content }) => [entryId, content.operationId]);
      const reply = await scripts.acknowledge(
        acknowledger,
        [streamKey, deadLettersKey, ...keys],
        [groupName, ...values],
      );
      return asNumber(name, reply);
    },
    async deadLetter(delivery, { failure, failedAt, failedAttempts }) {
      const name = 'dead-letter.lua';
      const job = isJobDelivery(delivery) ? delivery.content : undefined;
      const keys = [streamKey, deadLettersKey, slotKey];
      if (job) keys.push(operationKey(job.operationId), targetKey(job.target));
      const facts = [failure.reason, failure.message, failedAt, failedAttempts, delivery.deliveries];
      const values = [...me, delivery.entryId, ...facts, job?.operationId ?? ''];
      const reply = await scripts.deadLetter(acknowledger, keys, values);
      const result = asText(name, asList(name, reply)[0]);
      if (result === 'moved' || result === 'not-mine' || result === 'vanished') return result;
      throw unreadableReply(name, reply);
    },
    async handBack(entryIds) {
      const values = [...me, minIdleMs, ...entryIds];
      return asNumber('hand-back.lua', await scripts.handBack(acknowledger, [streamKey, slotKey], values));
    },
  } satisfies Partial<ConsumerSteps>;
}

function readContent(fields: ReadonlyMap<string, Buffer>): Delivery['content'] {
  const job = fields.get('job');
  if (job) return decodeJob(job);
  return { unreadable: `the entry has no field "job", but ${[...fields.keys()].join(', ').slice(0, 200)}` };
}
