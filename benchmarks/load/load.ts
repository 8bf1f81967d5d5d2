import type { LatencyHistogram } from '../evidence/schema.ts';

/** One run of a k6 script against one variant. The script reads these values from `__ENV`. */
export interface LoadRequest {
  /** Path of a script in scenarios/. */
  readonly script: string;
  readonly apiUrl: string;
  readonly apiToken: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** What the generator saw inside a window of time. */
export interface LoadWindow {
  /** Histograms by route tag, without slot id. */
  readonly latencies: readonly Omit<LatencyHistogram, 'slot'>[];
  readonly requests: number;
  /** Reads alone, which is what the arrival rate is asked for. */
  readonly reads: number;
  readonly failedRequests: number;
  readonly failedReads: number;
  /** Answers whose body was not what the script expected. */
  readonly wrongBodies: number;
  readonly droppedIterations: number;
  /** Bytes received on the wire: heads and bodies, and compressed where they are. */
  readonly responseBytes: number;
  /** The largest number of virtual users with a request under way, as a share of all that there were. */
  readonly virtualUserShare: number;
  /**
   * How late iterations started, by the script's clock of whole milliseconds: after their due time in the open
   * model, after the end of the user's think time in the closed one. In the open model it reads too large by the
   * time of all iterations dropped before, which k6 does not count when it numbers them.
   */
  readonly scheduleLagSeconds: { readonly median: number; readonly largest: number };
}

export interface RunningLoad {
  readonly processId: number;
  /** Resolves when the first iteration is about to start, with the moment by k6's clock; rejects if none did. */
  readonly started: Promise<Date>;
  /** Resolves when k6 has ended; rejects with its words when it ended with an exit status that voids the data. */
  readonly finished: Promise<FinishedLoad>;
  /** Ends k6 if it still runs. `finished` then rejects: what a stopped run measured is void. */
  stop(): Promise<void>;
}

export interface FinishedLoad {
  /** Counts and histograms of what ended between the two instants. */
  window(from: Date, to: Date): Promise<LoadWindow>;
  /** The figures of k6's own end-of-test summary over the whole run, in seconds, to be held against ours. */
  readonly summary: { readonly requests: number; readonly p50Seconds: number; readonly p95Seconds: number };
  /** SHA-256 of the raw CSV, which stays in the scratch folder. */
  readonly rawSha256: string;
}
