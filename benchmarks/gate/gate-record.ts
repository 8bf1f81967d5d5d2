import { z } from 'zod';

import { guardOutcomeSchema, runFrameSchema } from '../evidence/schema.ts';
import { countersSchema, gateLoads } from './counters.ts';

const gateVariants = ['base', 'head', 'control'] as const;

/** One load against one instance of the service. `control` is a second instance of the base. */
export const gateSlotSchema = z.strictObject({
  load: z.enum(gateLoads),
  /** From 1; its slots were run at the same time. */
  block: z.int().positive(),
  variant: z.enum(gateVariants),
  startedAt: z.iso.datetime(),
  /** 1 unless the slot was repeated because of foreign load. */
  attempt: z.int().positive(),
  /** Raw, in base units, by the ids of `gateMetrics`. */
  samples: z.record(z.string(), z.number()),
  /** Only the guards that did not hold. */
  broken: z.array(guardOutcomeSchema),
});

const sideSchema = z.strictObject({ ref: z.string(), commit: z.string() });

/** Everything that a gate saw. Its verdict is computed from this, by `judgeGate`. */
export const gateRecordSchema = z.strictObject({
  base: sideSchema,
  head: sideSchema,
  seed: z.int(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  fingerprint: runFrameSchema.shape.fingerprint,
  /** Share of its CPU that the head burns for nothing, planted to see the gate fail. */
  plantedCpuLoss: z.number().optional(),
  counters: z.strictObject({ expected: countersSchema, head: countersSchema, base: countersSchema }).optional(),
  screen: z.array(gateSlotSchema),
  confirmation: z.array(gateSlotSchema),
  /** Why it ended early, if it did. */
  brokenBy: z.string().optional(),
});

export type GateVariant = (typeof gateVariants)[number];
export type GateSlot = z.infer<typeof gateSlotSchema>;
export type GateRecord = z.infer<typeof gateRecordSchema>;
