import { z } from 'zod';

import { sharedSettingsSchema } from './part-settings.ts';

/**
 * What a run leaves behind. `run.json` is a `RunRecord`; `samples.ndjson` has one `Sample` a line;
 * `latency.ndjson` one `LatencyHistogram` a line. Everything that a report says is computed from these three.
 * Base units: seconds, bytes, per second. A sample is a raw reading; ratios and percentages are derived in
 * analysis/, from the metric's definition, so that they can be checked.
 */
export const schemaVersion = 1;

/** To both sides of the calibration's target: where the load that the claim speaks of was met. */
export const calibrationTolerancePoints = 5;

export const idSchema = z.string().regex(/^[a-z0-9][a-z0-9_-]*$/);

/** How a metric's value for one slot comes from the slot's samples and latency histograms. */
export const metricSourceSchema = z.discriminatedUnion('kind', [
  /** sum(numerator) / sum(denominator) * scale */
  z.strictObject({
    kind: z.literal('ratio'),
    numerator: z.array(idSchema).min(1),
    denominator: z.array(idSchema).min(1),
    scale: z.number(),
  }),
  /** The sample as it is: a level read at the end of the window. */
  z.strictObject({ kind: z.literal('level'), sample: idSchema }),
  /** A percentile over the requests of these routes; all routes when none is named. In seconds. */
  z.strictObject({ kind: z.literal('percentile'), quantile: z.number().min(0).max(1), routes: z.array(idSchema) }),
]);

export const metricDefinitionSchema = z
  .strictObject({
    id: idSchema,
    label: z.string(),
    /** As printed: `%`, `s`, `bytes`, `1/s`, `per 1,000 requests`. */
    unit: z.string(),
    better: z.enum(['lower', 'higher', 'neither']),
    source: metricSourceSchema,
    /** primary: the claim. secondary: tested, Holm. shown: printed without a test. */
    role: z.enum(['primary', 'secondary', 'shown']),
    /** The smallest relative change that matters: 0.05 is 5 %. Required where the role is tested. */
    floor: z.number().positive().optional(),
  })
  .refine(({ role, floor }) => role === 'shown' || floor !== undefined, {
    error: 'a metric that is tested (primary, secondary) needs a floor: the smallest relative change that matters',
    path: ['floor'],
  });

export const variantSchema = z.strictObject({
  id: z.enum(['before', 'after']),
  label: z.string(),
  description: z.string(),
  /** The service's environment variables that make the variant. */
  configuration: z.record(z.string(), z.string()),
  /** Processes with ROLE=worker beside the service, which then has ROLE=api. Absent: none. */
  workers: z.int().positive().optional(),
});

/**
 * "The interval of `metric` in `variant` lies at or below (above) `bound`", or with `change` in the variant's place:
 * "the interval of after / before, block by block, does"; the bound is then a ratio.
 */
export const claimSchema = z.strictObject({
  text: z.string(),
  metric: idSchema,
  variant: z.enum(['before', 'after', 'change']),
  relation: z.enum(['at-most', 'at-least']),
  bound: z.number(),
  /**
   * The finding as a sentence of the verdict, with `{before}`, `{after}` (each "4.1 % [3.8, 4.4]"), `{rate}`
   * ("148"), `{change}` ("19 times less") and `{ratio}` ("1.12 [0.95, 1.31]") where the figures go.
   */
  finding: z.string().optional(),
});

export const guardOutcomeSchema = z.strictObject({
  guard: idSchema,
  held: z.boolean(),
  /** What was seen and what would have been accepted, in words with units. */
  observed: z.string(),
  limit: z.string(),
});

export const slotSchema = z.strictObject({
  id: idSchema,
  /** measured: part of a block. The others tell their own story and enter no test. */
  role: z.enum(['calibration', 'measured', 'sweep', 'closed']),
  /** For measured slots: which block (from 1) and which place in it (from 1). */
  block: z.int().positive().optional(),
  position: z.int().min(1).max(4).optional(),
  variant: z.enum(['before', 'after']),
  startedAt: z.iso.datetime(),
  warmUpSeconds: z.number(),
  /** As measured between the two readings of the counters. */
  windowSeconds: z.number().positive(),
  /** Reads per second that the generator was told to offer; virtual users for the closed model. */
  offered: z.number().positive(),
  /** 1 unless the slot was repeated because of foreign load. */
  attempt: z.int().positive(),
  guards: z.array(guardOutcomeSchema),
  /** Digest of the generator's raw file, which is too large to keep. */
  rawSha256: z.string().optional(),
});

/** What every run records, whatever its protocol. */
export const runFrameSchema = z.strictObject({
  schemaVersion: z.literal(schemaVersion),
  /** Also the name of the folder. */
  id: idSchema,
  database: z.enum(['postgres', 'sqlite']),
  environment: z.enum(['processes', 'containers']),
  /** Of `containers` alone: what carried them, and what they were made of. */
  containers: z
    .strictObject({
      engineVersion: z.string(),
      /** `id` is the engine's digest of the image. */
      images: z.array(z.strictObject({ part: idSchema, reference: z.string(), id: z.string() })),
    })
    .optional(),
  /** Decides every random choice of the run. */
  seed: z.int(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** Why the run ended early, if it did: the verdict is then INVALID. */
  brokenBy: z.string().optional(),
  /** Guards that speak of the run as a whole. */
  guards: z.array(guardOutcomeSchema),
  fingerprint: z.strictObject({
    cpuModel: z.string(),
    cores: z.int(),
    memoryBytes: z.number(),
    kernel: z.string(),
    hypervisor: z.string(),
    /** Name, version and SHA-256 of every binary that took part. */
    binaries: z.array(z.strictObject({ name: z.string(), version: z.string(), sha256: z.string() })),
  }),
  provenance: z.strictObject({
    commit: z.string(),
    dirty: z.boolean(),
    command: z.string(),
    loadAverageBefore: z.number(),
    loadAverageAfter: z.number(),
    /** A fraction of the last ten seconds; absent where the kernel keeps no pressure (PSI). */
    cpuPressureBefore: z.number().optional(),
    cpuPressureAfter: z.number().optional(),
  }),
  /** What database, Redis servers and service ran with. Absent in older evidence. */
  partSettings: z.array(sharedSettingsSchema).optional(),
  /** SHA-256 of every other file that the report is computed from. */
  files: z.record(z.string(), z.string()),
});

/** A run in blocks. */
export const runRecordSchema = runFrameSchema.extend({
  experiment: z.strictObject({
    id: idSchema,
    title: z.string(),
    question: z.string(),
    claim: claimSchema,
    variants: z.tuple([variantSchema, variantSchema]),
    metrics: z.array(metricDefinitionSchema).min(1),
    /** Sentences printed as they are under "Limits". */
    limits: z.array(z.string()),
  }),
  profile: z.strictObject({
    name: z.enum(['quick', 'full']),
    cacheTtlSeconds: z.number(),
    warmUpSeconds: z.number(),
    windowSeconds: z.number(),
    blocks: z.int().positive(),
  }),
  /** The declaration that the generator ran, as it stands in scenarios/. */
  workload: z.record(z.string(), z.unknown()),
  offeredRatePerSecond: z.number(),
  /** Absent where the experiment sets the rate itself. */
  calibration: z
    .strictObject({
      targetDatabaseCpuPercent: z.number(),
      slots: z.array(idSchema),
      /** Whether the median of the slots that confirm the rate was within 5 points of the target. */
      met: z.boolean(),
    })
    .optional(),
  /** Predicted by an independent-reference model from workload, rate and profile; a fraction. Absent: not predicted. */
  predictedHitRatio: z.number().optional(),
  slots: z.array(slotSchema),
  /**
   * Attempts at slots that were made again because of foreign load, each with its samples and latencies, as
   * `<slot>-attempt-<number>`: in no figure, kept so that anyone can see what was left out. Absent in older evidence.
   */
  discarded: z.array(slotSchema).optional(),
});

export const sampleSchema = z.strictObject({
  slot: idSchema,
  metric: idSchema,
  value: z.number(),
  unit: z.string(),
  /** What produced it: `/proc/<pid>/schedstat`, `pg_stat_statements`, `k6`. */
  source: z.string(),
});

export const latencyHistogramSchema = z.strictObject({
  slot: idSchema,
  route: idSchema,
  /** Requests that ended inside the window. */
  count: z.int(),
  /** [latency in microseconds, requests], ascending; exact to three significant digits. */
  buckets: z.array(z.tuple([z.int(), z.int().positive()])),
});

export type MetricSource = z.infer<typeof metricSourceSchema>;
export type MetricDefinition = z.infer<typeof metricDefinitionSchema>;
export type Variant = z.infer<typeof variantSchema>;
export type VariantId = Variant['id'];
export type Claim = z.infer<typeof claimSchema>;
export type GuardOutcome = z.infer<typeof guardOutcomeSchema>;
export type Slot = z.infer<typeof slotSchema>;
export type RunFrame = z.infer<typeof runFrameSchema>;
export type RunRecord = z.infer<typeof runRecordSchema>;
export type Sample = z.infer<typeof sampleSchema>;
export type LatencyHistogram = z.infer<typeof latencyHistogramSchema>;

/** The three files, read and checked. */
export interface Evidence {
  readonly run: RunRecord;
  readonly samples: readonly Sample[];
  readonly latencies: readonly LatencyHistogram[];
}
