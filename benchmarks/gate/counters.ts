import { z } from 'zod';

const countsSchema = z.record(z.string(), z.int().nonnegative());

/** What the requests of one load did, each counted by whoever did it. No noise: the same code gives the same numbers. */
const loadCountersSchema = z.strictObject({
  /** By query name, as the service counts them. */
  statements: countsSchema,
  /** By normalised text, shortened, as pg_stat_statements counts them. Buffers: found in shared buffers or read into them. */
  databaseStatements: z.record(z.string(), z.strictObject({ calls: z.int(), sharedBuffers: z.int() })),
  /** By command, those inside scripts included, as INFO commandstats counts them. */
  cacheCommands: countsSchema,
  queueCommands: countsSchema,
  /** By kind of request: how many answers, and the bytes of all their bodies. */
  responses: z.record(z.string(), z.strictObject({ count: z.int().positive(), bodyBytes: z.int() })),
  /** Left behind in each Redis, by key with its numbers replaced: how many there are that live for ever. */
  cacheKeysWithoutTtl: countsSchema,
  queueKeysWithoutTtl: countsSchema,
});

export const gateLoads = ['reads', 'seat-creation'] as const;
export type GateLoad = (typeof gateLoads)[number];

export const countersSchema = z.strictObject({ reads: loadCountersSchema, 'seat-creation': loadCountersSchema });

export type LoadCounters = z.infer<typeof loadCountersSchema>;
export type Counters = z.infer<typeof countersSchema>;
