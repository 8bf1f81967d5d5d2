import type { Redis } from 'ioredis';
import type { Logger } from 'pino';

import { isOutOfMemory } from '../redis/out-of-memory.ts';
import type { Breaker } from './breaker.ts';
import { renewGeneration } from './redis-steps.ts';

/** `full`: the server answers, but takes nothing more. `unavailable`: it was not asked, or did not answer. */
export type Answer<Reply> =
  | { readonly answered: true; readonly reply: Reply }
  | { readonly answered: false; readonly why: 'full' | 'unavailable' };

/**
 * The way to the cache's Redis, which never rejects. It remembers when this process may have missed an
 * invalidation, and renews the generation before the next command:
 * - after an invalidation that was not delivered;
 * - after a lost connection, because what was in flight on it is unknown;
 * - at the start, because the process before this one may have died between a commit and its invalidation.
 */
export interface CacheConnection {
  ask<Reply>(command: (client: Redis) => Promise<Reply>): Promise<Answer<Reply>>;
  /** An invalidation did not get through: what is stored may be old. */
  distrust(): void;
  close(): void;
}

export function createCacheConnection(client: Redis, breaker: Breaker, logger: Pick<Logger, 'warn'>): CacheConnection {
  // Counted, not flagged: a renewal makes good only what was known when it was sent.
  let doubts = 1;
  let settledDoubts = 0;
  let renewal: Promise<void> | undefined;

  async function renew(): Promise<void> {
    const known = doubts;
    await breaker.run(() => renewGeneration(client));
    settledDoubts = known;
  }

  function distrust(): void {
    if (doubts === settledDoubts) logger.warn({ event: 'cache-distrusted' }, 'The generation will be renewed');
    doubts += 1;
  }

  async function ask<Reply>(command: (client: Redis) => Promise<Reply>): Promise<Answer<Reply>> {
    try {
      while (doubts !== settledDoubts) {
        renewal ??= renew().finally(() => {
          renewal = undefined;
        });
        await renewal;
      }
      return { answered: true, reply: await breaker.run(() => command(client)) };
    } catch (error) {
      return { answered: false, why: isOutOfMemory(error) ? 'full' : 'unavailable' };
    }
  }

  // `close` comes before the client can be ready again; at `ready` a command may already be on its way.
  client.on('close', distrust);
  client.on('ready', () => {
    breaker.retryNow();
    void ask(() => Promise.resolve());
  });

  return {
    ask,
    distrust,
    close() {
      client.off('close', distrust);
      client.disconnect();
    },
  };
}
