import type { Redis } from 'ioredis';
import type { Logger } from 'pino';

import { DomainError } from '../domain-error.ts';
import { isOutOfMemory } from '../redis/out-of-memory.ts';
import { loadRedisScript } from '../redis/redis-script.ts';
import { decodeJob, encodeJob, type SeatCreationJob } from './job.ts';
import { findDurabilityProblems as findConfiguredProblems, type FindDurabilityProblems } from './queue-durability.ts';
import type { Acceptance, QueuedOperation, SeatCreationQueue } from './seat-creation-queue.ts';
import {
  groupName,
  idempotencyRedisKey,
  operationKey,
  operationPrefix,
  streamKey,
  targetKey,
  targetName,
} from './stream-keys.ts';
import { asList, asNumber, asText, unreadableReply } from './stream-reply.ts';

const publishScript = loadRedisScript(new URL('publish.lua', import.meta.url));
const findOperationScript = loadRedisScript(new URL('find-operation.lua', import.meta.url));

/** As long as clients may send again; the ledger knows the key for good. */
export const rememberedMs = 24 * 60 * 60 * 1_000;

const acceptances = ['accepted', 'known', 'key-reused', 'under-way'] as const;

export interface PublishOptions {
  /** Jobs that are not settled: from here on nothing is accepted. */
  readonly backlogLimit: number;
}

/** The step: one round trip, atomic. Rejects with `queue-full`, or with whatever the client rejects with. */
async function publish(client: Redis, job: SeatCreationJob, { backlogLimit }: PublishOptions): Promise<Acceptance> {
  const { operationId, target, idempotencyKey } = job;
  const keys = [streamKey, operationKey(operationId), targetKey(target)];
  if (idempotencyKey) keys.push(idempotencyRedisKey(idempotencyKey));
  const values = [operationPrefix, operationId, encodeJob(job), targetName(target), backlogLimit];
  const reply = asList('publish.lua', await publishScript(client, keys, [...values, rememberedMs, rememberedMs]));
  const word = asText('publish.lua', reply[0]);
  if (word === 'full') throw queueFull(asNumber('publish.lua', reply[1]), backlogLimit);
  const result = acceptances.find((known) => known === word);
  if (!result) throw unreadableReply('publish.lua', reply);
  return { result, operationId: asText('publish.lua', reply[1]) };
}

/** The step: one round trip, atomic. */
async function findQueuedOperation(client: Redis, operationId: string): Promise<QueuedOperation | undefined> {
  const reply = await findOperationScript(client, [streamKey, operationKey(operationId)], [groupName]);
  if (reply === null) return undefined;
  const name = 'find-operation.lua';
  const [state, jobBytes, deliveries, reason, message, failedAt, letterId] = asList(name, reply);
  const job = Buffer.isBuffer(jobBytes) ? decodeJob(jobBytes) : { unreadable: 'nothing' };
  if ('unreadable' in job) throw new Error(`${operationKey(operationId)} has no readable job: ${job.unreadable}`);
  const word = (['accepted', 'processing', 'failed', 'lost'] as const).find((known) => known === asText(name, state));
  if (!word) throw unreadableReply(name, reply);
  return {
    job,
    state: word,
    deliveries: asNumber(name, deliveries),
    ...(word === 'failed' && {
      failure: {
        reason: asText(name, reason),
        message: asText(name, message),
        failedAt: asText(name, failedAt),
        letterId: asText(name, letterId),
      },
    }),
  };
}

export interface StreamPublisherParts extends PublishOptions {
  readonly client: Redis;
  readonly monotonicMs: () => number;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  /** Default: what the server's configuration says. */
  readonly findDurabilityProblems?: FindDurabilityProblems | undefined;
}

export interface StreamPublisher extends SeatCreationQueue {
  /** Runs a command and says in the queue's words why it failed. */
  ask<Result>(command: (client: Redis) => Promise<Result>): Promise<Result>;
  /** The same for a command that promises something, if the server can keep promises. */
  promise<Result>(command: (client: Redis) => Promise<Result>): Promise<Result>;
}

/** How long a verdict on a server that is configured wrongly stands before it is looked at again. */
const verdictMs = 1_000;

/**
 * Publishes to a server that was seen to be durable: it is looked at once a connection, and while it is not, again
 * every second that somebody asks. Nothing is ever sent twice.
 */
export function createStreamPublisher({
  client,
  monotonicMs,
  logger,
  backlogLimit,
  findDurabilityProblems = findConfiguredProblems,
}: StreamPublisherParts): StreamPublisher {
  let verdict: { readonly problems: Promise<readonly string[]>; untilMs: number } | undefined;
  let complained = false;

  async function look(): Promise<readonly string[]> {
    const problems = await findDurabilityProblems(client);
    if (problems.length > 0 && !complained) {
      logger.error({ event: 'queue-misconfigured', problems }, 'The queue accepts nothing');
    }
    if (problems.length === 0 && complained) logger.info({ event: 'queue-durable' }, 'The queue accepts again');
    complained = problems.length > 0;
    return problems;
  }

  async function refuseUnlessDurable(): Promise<void> {
    if (!verdict || monotonicMs() >= verdict.untilMs)
      verdict = { problems: look(), untilMs: monotonicMs() + verdictMs };
    const asked = verdict;
    const problems = await asked.problems.catch((error: unknown) => {
      if (verdict === asked) verdict = undefined;
      throw error;
    });
    if (problems.length > 0) throw queueUnavailable(`the queue's Redis can't promise anything: ${problems.join('; ')}`);
    if (verdict === asked) asked.untilMs = Number.POSITIVE_INFINITY;
  }

  const forget = (): void => {
    verdict = undefined;
  };
  client.on('close', forget);
  // Whoever publishes next meets the same rejection.
  client.on('ready', () => void refuseUnlessDurable().catch(() => undefined));

  async function ask<Result>(command: (client: Redis) => Promise<Result>): Promise<Result> {
    try {
      return await command(client);
    } catch (error) {
      if (error instanceof DomainError) throw error;
      if (isOutOfMemory(error)) throw queueFull(undefined, backlogLimit, error);
      throw queueUnavailable('the queue gave no answer', error);
    }
  }

  function promise<Result>(command: (client: Redis) => Promise<Result>): Promise<Result> {
    return ask(async () => {
      await refuseUnlessDurable();
      return command(client);
    });
  }

  return {
    ask,
    promise,
    accept: (job) => promise(() => publish(client, job, { backlogLimit })),
    find: (operationId) => ask(() => findQueuedOperation(client, operationId)),
  };
}

export function queueFull(backlog: number | undefined, backlogLimit: number, cause?: unknown): DomainError {
  const what =
    backlog === undefined ? 'its memory is full' : `it has ${backlog} jobs, and takes ${backlogLimit} at most`;
  return new DomainError('queue-full', `the queue takes nothing more now: ${what}`, {}, cause);
}

function queueUnavailable(message: string, cause?: unknown): DomainError {
  return new DomainError('queue-unavailable', message, {}, cause);
}
