import type { Slot } from '../evidence/schema.ts';

import type { SlotReadings } from './metric-value.ts';

/** What a slot of the open model was offered, and what of it was answered. undefined: not recorded. */
export interface ServedLoad {
  readonly achievedPerSecond: number | undefined;
  readonly failedRequests: number | undefined;
  /** At least 99 % of the offered reads were answered, and none failed; what was not recorded is not served. */
  readonly served: boolean;
}

const smallestShare = 0.99;

export function servedLoad(slot: Slot, readings: SlotReadings | undefined): ServedLoad {
  const reads = readings?.samples.get('reads');
  const failedRequests = readings?.samples.get('failed_requests');
  const achievedPerSecond = reads === undefined ? undefined : reads / slot.windowSeconds;
  const served =
    achievedPerSecond !== undefined && achievedPerSecond >= smallestShare * slot.offered && failedRequests === 0;
  return { achievedPerSecond, failedRequests, served };
}
