import { DomainError } from '../domain-error.ts';

export interface LoadLimitOptions {
  readonly maxLoadsInFlight: number;
  readonly queueTimeoutMs: number;
  readonly onInFlight: (loads: number) => void;
  readonly onOverload: () => void;
}

/**
 * Lets `maxLoadsInFlight` loads run at a time. A load beyond that waits for its turn, first come, first served, for
 * at most `queueTimeoutMs`, then rejects with `DomainError` `overloaded` and never runs. p-limit queues without an
 * end, cockatiel's bulkhead bounds the queue's length but not the wait: neither can promise a time.
 */
export interface LoadLimit {
  run<Result>(load: () => Promise<Result>): Promise<Result>;
}

export function createLoadLimit(options: LoadLimitOptions): LoadLimit {
  const { maxLoadsInFlight, queueTimeoutMs, onInFlight, onOverload } = options;
  /** Each gives one waiting load its turn. A Set keeps the order and forgets any of them at once. */
  const waiting = new Set<() => void>();
  let inFlight = 0;

  function overloaded(): DomainError {
    onOverload();
    const message = `${maxLoadsInFlight} loads are in flight and none ended within ${queueTimeoutMs} ms: try again later`;
    return new DomainError('overloaded', message, {
      retryAfterSeconds: Math.max(1, Math.ceil(queueTimeoutMs / 1_000)),
    });
  }

  function turn(): Promise<void> {
    if (inFlight < maxLoadsInFlight) {
      onInFlight((inFlight += 1));
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(start);
        reject(overloaded());
      }, queueTimeoutMs);
      function start(): void {
        clearTimeout(timer);
        resolve();
      }
      waiting.add(start);
    });
  }

  /** The place of a load that ended goes to the one that has waited longest, without being free in between. */
  function leave(): void {
    const [next] = waiting;
    if (!next) {
      onInFlight((inFlight -= 1));
      return;
    }
    waiting.delete(next);
    next();
  }

  return {
    async run(load) {
      await turn();
      try {
        return await load();
      } finally {
        leave();
      }
    },
  };
}
