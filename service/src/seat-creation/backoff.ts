export interface BackoffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Of a job whose failures are unclear; then it is given up. */
export const mostAttempts = 8;
export const attemptBackoff = { firstMs: 200, longestMs: 10_000 };

/**
 * Full jitter (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015): uniform between 0 and a
 * ceiling that doubles, so that consumers that failed together don't come back together.
 * @param attempt 1 for the first wait
 */
export function backoffMs(attempt: number, { firstMs, longestMs }: BackoffOptions, random: () => number): number {
  return Math.floor(random() * Math.min(longestMs, firstMs * 2 ** (attempt - 1)));
}
