import type { Logger } from 'pino';

import type { PerformanceCache } from '../performance-cache/performance-cache.ts';
import type { ConsumerClock } from './clock.ts';
import type { SeatCreationMetrics } from './seat-creation-metrics.ts';
import type { SeatCreationStore } from './seat-creation-store.ts';

/** What is needed by whoever works on jobs, wherever they have waited. */
export interface JobWorkerParts {
  readonly store: Pick<SeatCreationStore, 'createSeats' | 'recordFailure'>;
  readonly cache: Pick<PerformanceCache, 'invalidate'>;
  readonly metrics: SeatCreationMetrics;
  readonly clock: ConsumerClock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
}
