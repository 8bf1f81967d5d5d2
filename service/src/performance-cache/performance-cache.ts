import type { Genre } from '../catalog/model.ts';

/** An answer's bytes as they go over the wire, made once, when it is stored. */
export interface Representation {
  /** JSON in UTF-8. */
  readonly body: Buffer;
  /** A strong entity tag with its quotes (RFC 9110, 8.8.3). */
  readonly etag: string;
}

export type PerformanceReadKey =
  | { readonly kind: 'detail'; readonly performanceId: number }
  | {
      readonly kind: 'list';
      readonly genre: Genre | undefined;
      readonly city: string | undefined;
      readonly cursor: string | undefined;
      readonly limit: number;
    };

/**
 * `hit`: the stored bytes. `negative`: a stored absence. `miss`: loaded (and stored, if the lease was still
 * good). `bypass`: loaded because the cache is off, or could not be asked.
 */
export type CacheResult = 'hit' | 'negative' | 'miss' | 'bypass';

export interface PerformanceRead {
  /** `undefined`: there is no such performance. */
  readonly representation: Representation | undefined;
  readonly result: CacheResult;
  /** Seconds since the bytes were stored; 0 when they were just loaded. */
  readonly ageSeconds: number;
}

/** A write has been committed: this performance, and the list pages of these genres, have changed. */
export interface PerformanceChanged {
  readonly performanceId: number;
  readonly genres: readonly Genre[];
}

/**
 * Reads of performances, with or without a cache in front of `load`. `read` rejects only with what `load`
 * rejected with, or with `DomainError` `overloaded` when too many loads are in flight: a cache that is slow,
 * hung or dead is never the reader's error. `invalidate` is called after the commit and never rejects: an
 * invalidation that could not be delivered is remembered and made up for before the cache is used again.
 */
export interface PerformanceCache {
  read(key: PerformanceReadKey, load: () => Promise<Representation | undefined>): Promise<PerformanceRead>;
  invalidate(change: PerformanceChanged): Promise<void>;
  close(): Promise<void>;
}

export type PerformanceCacheOptions =
  | { readonly mode: 'off' }
  | {
      readonly mode: 'look-aside';
      readonly redisUrl: string;
      readonly ttlMs: number;
      readonly negativeTtlMs: number;
      /** How long a Redis command may take before the database serves instead. */
      readonly commandTimeoutMs: number;
      /** How long a reader waits for another process's load before it loads itself, without storing. */
      readonly leaseWaitMs: number;
      readonly leaseTtlMs: number;
      readonly maxLoadsInFlight: number;
      /** How long a load may wait for its turn before the reader gets `overloaded`. */
      readonly loadQueueTimeoutMs: number;
    };
