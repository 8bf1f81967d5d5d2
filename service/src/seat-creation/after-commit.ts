import type { PerformanceCache } from '../performance-cache/performance-cache.ts';
import type { ConsumerClock } from './clock.ts';
import type { SeatCreationJob } from './job.ts';
import type { SeatCreationMetrics } from './seat-creation-metrics.ts';
import type { JobResult } from './seat-creation-store.ts';

export interface AfterCommitPorts {
  readonly cache: Pick<PerformanceCache, 'invalidate'>;
  readonly metrics: Pick<SeatCreationMetrics, 'seatsCreated' | 'completed' | 'delivered'>;
  readonly clock: Pick<ConsumerClock, 'now'>;
}

/** What follows when the ledger has a job as done, whoever works on jobs: it is counted, and what readers see is renewed. */
export async function afterCommit(
  { cache, metrics, clock }: AfterCommitPorts,
  { acceptedAt }: SeatCreationJob,
  { result, seats, changed }: Exclude<JobResult, { readonly result: 'refused' }>,
): Promise<void> {
  if (result === 'created') {
    metrics.seatsCreated(seats);
    metrics.completed(acceptedAt, clock.now());
  }
  metrics.delivered(result === 'created' ? 'created' : 'already_done');
  for (const change of changed) await cache.invalidate(change);
}
