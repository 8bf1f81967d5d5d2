import { DomainError } from '../domain-error.ts';
import type { PerformanceCache } from '../performance-cache/performance-cache.ts';
import { genres } from './model.ts';

/**
 * The outcome of a write to this performance. Where nobody knows whether it was committed, it is treated as if it
 * was, whatever genre the performance had: readers would get the older version for as long as it is stored.
 */
export async function withUnknownCommitInvalidated<Result>(
  cache: Pick<PerformanceCache, 'invalidate'>,
  performanceId: number,
  write: Promise<Result>,
): Promise<Result> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof DomainError && error.facts['commit'] === 'unknown') {
      await cache.invalidate({ performanceId, genres });
    }
    throw error;
  }
}
