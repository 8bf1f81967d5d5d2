import type { StageContent } from '../stage.ts';
import type { CapacitySeconds } from './capacity.ts';
import type { OutageFault, PhaseSeconds } from './outage-phases.ts';

/** What is done in each trial of a series. */
export interface CacheOutage {
  /** The rate of the reads, in capacities of the database. */
  readonly capacities: number;
  readonly faults: readonly OutageFault[];
  readonly seconds: PhaseSeconds;
  readonly capacitySeconds: CapacitySeconds;
  readonly intervalSeconds: number;
  readonly maxLoadsInFlight: number;
  /** Connections of the pool: more than the limit on loads, which alone is to bound them. */
  readonly poolSize: number;
  readonly content: StageContent;
  /** Pages of each genre. */
  readonly pageSizes: number;
  readonly expectedSeconds: number;
  /** Of the load generator, at the 99th percentile: beyond it the load was not the one that was asked for. */
  readonly latestStartSeconds: number;
  /** Of service/test/controls/performance-cache-control.ts; the service itself without. */
  readonly control?: string;
}
