import type { SeatCreationJob } from './job.ts';
import type { JobWorkerParts } from './job-worker-parts.ts';
import type { JobResult } from './seat-creation-store.ts';

/** What follows when the ledger has a job as done, whoever works on jobs: it is counted, and what readers see is renewed. */
export async function afterCommit(
  { cache, metrics, clock }: Pick<JobWorkerParts, 'cache' | 'metrics' | 'clock'>,
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
