/** The names of the files in a run's folder. */
export const evidenceFiles = {
  run: 'run.json',
  samples: 'samples.ndjson',
  latencies: 'latency.ndjson',
  trials: 'trials.ndjson',
} as const;
