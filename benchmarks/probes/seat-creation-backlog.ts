import { setTimeout as sleep } from 'node:timers/promises';

import type { RunningVariant } from '../environments/environment.ts';
import { createServiceMetricsProbe } from './service-metrics.ts';

const pauseMs = 50;

/** Resolves when no accepted job is left, by the service's own counters; rejects with what is, after the timeout. */
export async function waitForEmptyBacklog(
  variant: Pick<RunningVariant, 'id' | 'adminUrl' | 'workerAdminUrls' | 'database'>,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const probe = createServiceMetricsProbe(variant, variant.database.engine);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const [reading] = await probe.read();
    const backlog = reading?.levels['seat_creation_backlog'] ?? Number.NaN;
    if (backlog === 0) return;
    if (performance.now() > deadline) {
      throw new Error(`${backlog} seat creations of ${variant.id} were not done ${timeoutMs} ms after the load's end`);
    }
    await sleep(pauseMs, undefined, { signal });
  }
}
