/**
 * One reading of a probe. `counters` only ever rise: their difference over a window is the sample. `levels`
 * are samples as they are. Keys are the raw metric ids of samples.ndjson, values are in base units.
 */
export interface Reading {
  readonly counters: Readonly<Record<string, number>>;
  readonly levels: Readonly<Record<string, number>>;
}

/** A source of readings for one variant. `read` rejects rather than guess: a missing number is never 0. */
export interface Probe {
  /** What produces the numbers, as it stands in samples.ndjson: `/proc/<pid>/schedstat`. */
  readonly source: string;
  read(): Promise<Reading>;
  close(): Promise<void>;
}
