import type { Logger } from 'pino';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  /** This many failures in a row open it. */
  readonly failureThreshold: number;
  /** How long it stays open before one call may try. */
  readonly retryAfterMs: number;
  /** Whether an error says that the other side is out of order; any other counts as an answer. */
  readonly isFailure: (error: unknown) => boolean;
  readonly monotonicMs: () => number;
  readonly onState: (state: BreakerState) => void;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/** Why a call was not made. */
export class BreakerOpenError extends Error {}

/**
 * Stops calling what does not answer. Half-open lets exactly one call through, the probe, and turns all others away
 * at once: cockatiel's breaker lets them wait for the probe, and with a hung server each would pay its timeout.
 * `run` rejects with `BreakerOpenError`, or as the call does.
 */
export interface Breaker {
  run<Result>(call: () => Promise<Result>): Promise<Result>;
  /** There is news of the other side: when open, the next call is the probe. */
  retryNow(): void;
}

export function createBreaker(options: BreakerOptions): Breaker {
  const { failureThreshold, retryAfterMs, isFailure, monotonicMs, onState, logger } = options;
  let state: BreakerState = 'closed';
  let failures = 0;
  let retryAtMs = 0;

  function enter(next: BreakerState, cause?: unknown): void {
    if (next === 'open') {
      retryAtMs = monotonicMs() + retryAfterMs;
      if (state === 'closed') logger.warn({ event: 'breaker-open', err: cause }, 'The cache is not asked any more');
    } else if (next === 'closed') {
      logger.info({ event: 'breaker-closed' }, 'The cache is asked again');
    }
    state = next;
    failures = 0;
    onState(next);
  }

  function settle(isProbe: boolean, error?: unknown): void {
    const failed = error !== undefined && isFailure(error);
    if (isProbe) enter(failed ? 'open' : 'closed', error);
    else if (state !== 'closed') return;
    else if (!failed) failures = 0;
    else if ((failures += 1) >= failureThreshold) enter('open', error);
  }

  return {
    async run(call) {
      if (state === 'half-open' || (state === 'open' && monotonicMs() < retryAtMs)) throw new BreakerOpenError();
      const isProbe = state === 'open';
      if (isProbe) enter('half-open');
      let result;
      try {
        result = await call();
      } catch (error) {
        settle(isProbe, error);
        throw error;
      }
      settle(isProbe);
      return result;
    },
    retryNow() {
      retryAtMs = 0;
    },
  };
}
