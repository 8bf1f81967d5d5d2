import type { Logger } from 'pino';

import type { PerformanceCache } from '../performance-cache/performance-cache.ts';
import { createRedisClient } from '../redis/create-redis-client.ts';
import { type ConsumerClock, systemClock } from './clock.ts';
import type { DecorateSteps } from './consumer-steps.ts';
import { createDeadLetters } from './dead-letters.ts';
import { createInProcessSeatCreation } from './in-process.ts';
import { readQueueDepth } from './queue-depth.ts';
import { type FindDurabilityProblems, findDurabilityProblems as findConfiguredProblems } from './queue-durability.ts';
import type { SeatCreationMetrics } from './seat-creation-metrics.ts';
import type { DeadLetters, SeatCreationQueue } from './seat-creation-queue.ts';
import type { SeatCreationStore } from './seat-creation-store.ts';
import { createStreamPublisher } from './stream-publisher.ts';
import { createStreamWorker } from './stream-worker.ts';

export type SeatCreationOptions =
  | { readonly mode: 'async'; readonly concurrency: number; readonly backlogLimit: number }
  | {
      readonly mode: 'stream';
      readonly redisUrl: string;
      /** Whether this process takes requests, works on them, or both. */
      readonly role: 'api' | 'worker' | 'all';
      readonly backlogLimit: number;
      /** An entry that was pending for so long without a sign of life is anybody's. */
      readonly minIdleMs: number;
    };

export interface SeatCreationParts {
  readonly store: SeatCreationStore;
  readonly cache: Pick<PerformanceCache, 'invalidate'>;
  readonly metrics: SeatCreationMetrics;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly clock?: ConsumerClock;
  /** Uniform in [0, 1), for jitter. */
  readonly random?: () => number;
  readonly decorateSteps?: DecorateSteps | undefined;
  readonly findDurabilityProblems?: FindDurabilityProblems | undefined;
}

export interface SeatCreation {
  readonly queue: SeatCreationQueue;
  /** `async` has none: what it gave up is in the log and in the operation. */
  readonly deadLetters: DeadLetters;
  /** Resolves when the queue can be asked, or has not been there for a second: it is waited for in any case. */
  start(): Promise<void>;
  /** Ends the work: what runs is finished within the grace. Requests can still be answered. */
  stop(graceMs: number): Promise<void>;
  close(): void;
}

const publishTimeoutMs = 5_000;
const firstConnectionMs = 1_000;

export function createSeatCreation(options: SeatCreationOptions, parts: SeatCreationParts): SeatCreation {
  const { clock = systemClock, random = Math.random } = parts;
  const complete = { ...parts, clock, random };
  if (options.mode === 'async') {
    const queue = createInProcessSeatCreation({ ...complete, ...options });
    return {
      queue,
      deadLetters: noDeadLetters,
      start: () => Promise.resolve(),
      stop: (graceMs) => queue.stop(graceMs),
      close: () => undefined,
    };
  }
  const { redisUrl: url, role, backlogLimit } = options;
  const { logger, metrics, findDurabilityProblems = findConfiguredProblems } = parts;
  const client = createRedisClient({ role: 'publish', url, commandTimeoutMs: publishTimeoutMs, logger, random });
  const publisher = createStreamPublisher({
    client,
    monotonicMs: () => clock.monotonicMs(),
    logger,
    backlogLimit,
    findDurabilityProblems,
  });
  const worker = role === 'api' ? undefined : createStreamWorker({ ...complete, ...options });
  // A server that does not answer is known from its own log line: the gauges say that nothing is known.
  metrics.watchQueue(() =>
    readQueueDepth(client, { now: () => clock.now(), findDurabilityProblems }).catch(() => undefined),
  );
  return {
    queue: publisher,
    deadLetters: createDeadLetters(publisher, { backlogLimit }),
    async start() {
      worker?.start();
      const ready = new AbortController();
      client.once('ready', () => ready.abort());
      if (client.status !== 'ready') await clock.sleep(firstConnectionMs, ready.signal);
    },
    async stop(graceMs) {
      await worker?.stop(graceMs);
    },
    close: () => client.disconnect(),
  };
}

const noDeadLetters: DeadLetters = {
  list: () => Promise.resolve([]),
  replay: () => Promise.resolve({ result: 'missing' }),
};
