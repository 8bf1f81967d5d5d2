import { z } from 'zod';

import { poolHoldersSchema } from './pool-holders-schema.ts';
import { type Evidence, idSchema, runFrameSchema } from './schema.ts';
import { timelineDefinitionSchema, timelineSchema } from './timeline-schema.ts';

/**
 * A run in trials: something is done to the system (a crash, an outage), it is left to come to rest, and what its
 * clients were promised is held against the database. `run.json` is a `TrialsRecord`; `trials.ndjson` has one `Trial` a
 * line. The unit of analysis is the crash, and for measured values the round: the trials of all series with the same
 * number. Base units: seconds, bytes, per second.
 */

/** What a trial of a series must show, for the series to hold. */
const seriesRoleSchema = z.enum([
  /** Nothing accepted is lost, nothing is done twice, and no other problem was seen. */
  'promise',
  /** Wrong on purpose: it must show its `mustShow` in at least one trial, or the harness is blind. */
  'control',
  /** Nothing is hurt, values are measured: holds as a promise does, and counts no fault. */
  'measured',
]);

/** A count that is above 0, or a problem with these words in it. */
const mustShowSchema = z.union([
  z.enum(['lost', 'duplicates', 'wrong', 'stale']),
  z.strictObject({ problem: z.string().min(1) }),
]);

export const seriesSchema = z.strictObject({
  id: idSchema,
  /** As in the table: `consumer SIGKILL`. */
  label: z.string(),
  /** What is done, with its numbers: `3 consumers, one at random killed every 200 to 800 ms`. */
  how: z.string(),
  /** As printed beside the verdict: `0 lost, 0 duplicate; taken over within 17 s`. Of a control: what it must show. */
  mustHold: z.string(),
  role: seriesRoleSchema,
  /** Of a control. Absent in older evidence: whatever did not hold was enough. */
  mustShow: mustShowSchema.optional(),
  /** What its clients ask for. Absent: jobs. */
  subject: z.literal('reads').optional(),
  /** The fault itself takes accepted work away (FLUSHALL): what it took is counted and breaks nothing. */
  mayLose: z.boolean(),
  /** Trials that the profile asks for. */
  trials: z.int().positive(),
});

export const valueDefinitionSchema = z.strictObject({
  id: idSchema,
  label: z.string(),
  /** As in metric definitions: `s`, `1/s`, `bytes`. */
  unit: z.string(),
  better: z.enum(['lower', 'higher', 'neither']),
});

/** A ratio of one value between two series, paired by round. With a bound it is part of the claim. */
export const comparisonSchema = z.strictObject({
  value: idSchema,
  numerator: idSchema,
  denominator: idSchema,
  bound: z.strictObject({ relation: z.enum(['at-most', 'at-least']), ratio: z.number().positive() }).optional(),
});

/** A trial that rejected: it counts nothing, and ended its series until a later call ran it again. */
export const brokenTrialSchema = z.strictObject({
  series: idSchema,
  trial: z.int().positive(),
  at: z.iso.datetime(),
  reason: z.string(),
});

export const trialsRecordSchema = runFrameSchema.extend({
  kind: z.literal('trials'),
  experiment: z.strictObject({
    id: idSchema,
    title: z.string(),
    question: z.string(),
    claim: z.strictObject({ text: z.string() }),
    series: z.array(seriesSchema).min(1),
    values: z.array(valueDefinitionSchema),
    comparisons: z.array(comparisonSchema),
    /** With it each trial has a `timeline`. */
    timeline: timelineDefinitionSchema.optional(),
    limits: z.array(z.string()),
  }),
  profile: z.strictObject({ name: z.enum(['quick', 'full']) }),
  /** Settings of the lab that the result depends on: minimum idle time, jobs a trial, seats a job. */
  settings: z.record(z.string(), z.union([z.string(), z.number()])),
  /** Series that this machine could not run, each with its reason and remedy; never silent. */
  skipped: z.array(z.strictObject({ series: idSchema, reason: z.string() })),
  broken: z.array(brokenTrialSchema).optional(),
});

/** What became of the reads of a trial: answered, refused, wrong and stale add up to those that were asked. */
const readsSchema = z.strictObject({
  asked: z.int().min(0),
  /** 200, the right body, and no version older than what a writer was answered before the read began. */
  answered: z.int().min(0),
  /** 503 with `Retry-After`. */
  refused: z.int().min(0),
  /** Any other answer, or none. */
  wrong: z.int().min(0),
  /** As answered, but of an older version. */
  stale: z.int().min(0),
  /** Of all answers but the refusals. */
  slowestSeconds: z.number().min(0),
});

/** Ids of values: what a fault adds to the p99 of reads, in its first second and from then to its end. */
export const addedP99 = {
  firstSecond: 'added_p99_first_second_seconds',
  afterwards: 'added_p99_afterwards_seconds',
} as const;

export const trialSchema = z.strictObject({
  series: idSchema,
  /** From 1, without gaps: a trial in which the fault met no work is repeated, and only counted in `idleFaults`. */
  trial: z.int().positive(),
  startedAt: z.iso.datetime(),
  seconds: z.number(),
  /** Crashes, outages or cuts that met work in flight. */
  faults: z.int().min(0),
  /** Those that met none: they prove nothing and are not counted. */
  idleFaults: z.int().min(0),
  /** Accepted and not settled at the moment of the fault, summed over the faults. */
  inFlight: z.int().min(0),
  /** Different idempotency keys that clients have sent. */
  offered: z.int().min(0),
  /** Of these: answered with 202, as the clients wrote it down. */
  accepted: z.int().min(0),
  /** Of the accepted: exactly once and complete in the database. */
  stored: z.int().min(0),
  /** Of the accepted: in the dead letters, with a reason. */
  deadLettered: z.int().min(0),
  /** Of the accepted: neither stored nor in the dead letters when all was quiet. */
  lost: z.int().min(0),
  /** Seats or operations that are there more than once, or beside what was planned. */
  duplicates: z.int().min(0),
  /** From the fault to the moment that the series' row names; absent when that never came. */
  recoverySeconds: z.array(z.number()),
  values: z.record(idSchema, z.number()),
  /** Of a series whose subject is reads. */
  reads: readsSchema.optional(),
  /** Where the experiment defines one. */
  timeline: timelineSchema.optional(),
  /** Of an experiment about a pool of connections. */
  poolHolders: poolHoldersSchema.optional(),
  /** What else did not hold, in words with numbers. */
  problems: z.array(z.string()),
});

export type Series = z.infer<typeof seriesSchema>;
export type MustShow = z.infer<typeof mustShowSchema>;
export type ValueDefinition = z.infer<typeof valueDefinitionSchema>;
export type SeriesComparison = z.infer<typeof comparisonSchema>;
export type BrokenTrial = z.infer<typeof brokenTrialSchema>;
export type TrialsRecord = z.infer<typeof trialsRecordSchema>;
export type Trial = z.infer<typeof trialSchema>;
export type Reads = z.infer<typeof readsSchema>;

export interface TrialsEvidence {
  readonly run: TrialsRecord;
  readonly trials: readonly Trial[];
}

/** Of either protocol: `'trials' in evidence` tells which, as `kind` does in run.json. */
export type RunEvidence = Evidence | TrialsEvidence;
