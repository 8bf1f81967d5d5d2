import { z } from 'zod';

import { runFrameSchema } from '../evidence/schema.ts';

const engines = ['postgres', 'sqlite'] as const;
const secondsByReader = z.record(z.string(), z.number());

/** As `CpuCalibration` in selftest/calibrate-database-cpu.ts says. */
const calibrationSchema = z.strictObject({
  engine: z.enum(engines),
  description: z.string(),
  windowSeconds: z.number(),
  known: z.number(),
  idle: secondsByReader,
  read: secondsByReader,
});

/** Of one reading of all counters of a variant, in seconds, beyond what the same parts used while nothing was read. */
const readingCostSchema = z.strictObject({
  engine: z.enum(engines),
  elapsedSeconds: z.number(),
  labCpuSeconds: z.number(),
  databaseCpuSeconds: z.number(),
  serviceCpuSeconds: z.number(),
  redisCacheCpuSeconds: z.number(),
  /** That the lab had PostgreSQL execute; SQLite is asked for none. */
  statements: z.number(),
});

/** What reports/probes/figures.json holds: every round as it was measured. */
export const probeFiguresSchema = z.strictObject({
  measuredAt: z.iso.datetime(),
  commit: z.string(),
  fingerprint: runFrameSchema.shape.fingerprint,
  calibrations: z.array(calibrationSchema).min(1),
  readings: z.array(readingCostSchema).min(1),
});

export type ProbeFigures = z.infer<typeof probeFiguresSchema>;
export type ReadingCost = ProbeFigures['readings'][number];
