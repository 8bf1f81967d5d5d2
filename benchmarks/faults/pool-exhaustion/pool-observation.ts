import type { Stage } from '../stage.ts';
import type { RecordedTimeline } from '../timeline-recorder.ts';
import type { PoolActivitySource } from './pool-activity.ts';
import type { PoolLoad, RunningPoolLoad } from './pool-load.ts';
import type { PoolMetrics } from './pool-metrics.ts';

/** What is done to a pool. */
export interface PoolTrial {
  readonly stage: Stage;
  readonly poolSize: number;
  readonly load: PoolLoad;
  readonly seconds: { readonly before: number; readonly fault: number; readonly after: number };
  readonly intervalSeconds: number;
  /** Requests that begin later than this after they were due, at the 99th percentile, are not the load asked for. */
  readonly mostLateSeconds: number;
  /** Names of the phases. */
  readonly phases: { readonly before: string; readonly fault: string; readonly after: string };
  /** What happens at the beginning of the fault, beside the load; `end` may be called without it, and twice. */
  readonly fault?: { begin(): void; end(): void };
}

/** What a trial has seen. */
export interface PoolObservation {
  readonly load: RunningPoolLoad;
  readonly recorded: RecordedTimeline;
  /** Of `performance.now()`: when the recording began. */
  readonly startedAtMs: number;
  /** At the beginning of the fault and at its end. */
  readonly metrics: readonly [PoolMetrics, PoolMetrics];
  /** During the fault. */
  readonly activity: ReturnType<PoolActivitySource['sum']>;
}
