/**
 * What one source says at one instant. `counters` only ever rise: their difference over a window is the sample.
 * `levels` are samples as they are. Keys are ids of raw-metrics.ts, values are in base units.
 */
export interface Reading {
  /** What produces the numbers, as it stands in samples.ndjson: `/proc/<pid>/task/<tid>/schedstat`. */
  readonly source: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly levels: Readonly<Record<string, number>>;
}

/** Readings for one variant. `read` rejects rather than guess: a missing number is never 0. */
export interface Probe {
  read(): Promise<readonly Reading[]>;
  close(): Promise<void>;
}
