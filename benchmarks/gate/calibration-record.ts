import { z } from 'zod';

import { runFrameSchema } from '../evidence/schema.ts';
import { gateLoads } from './counters.ts';
import { gateRecordSchema, gateSlotSchema } from './gate-record.ts';

/** Blocks of one load that the same processes served. Each has a slot of the control. */
export const calibrationGroupSchema = z.strictObject({
  /** Place in the plan, from 0. */
  group: z.int().nonnegative(),
  load: z.enum(gateLoads),
  /** What the head burns for nothing, as a share of what app and database need; 0: A/A. */
  plantedLoss: z.number().nonnegative(),
  /** The same in CPU-seconds of each request, from slots of the base. */
  burnedSecondsPerRequest: z.number().nonnegative(),
  slots: z.array(gateSlotSchema),
});

/** What must be the same for groups and gates to be pooled. */
const calibrationConditionsSchema = z.strictObject({
  commit: z.string(),
  seed: z.int(),
  fingerprint: runFrameSchema.shape.fingerprint,
});

/** Of the journal, which is also the committed evidence: first the conditions, then what was recorded. */
export const calibrationLineSchema = z.union([
  z.strictObject({ conditions: calibrationConditionsSchema }),
  z.strictObject({ group: calibrationGroupSchema }),
  /** Of the commit against itself. */
  z.strictObject({ gate: gateRecordSchema }),
]);

export type CalibrationGroup = z.infer<typeof calibrationGroupSchema>;
export type CalibrationConditions = z.infer<typeof calibrationConditionsSchema>;
export type CalibrationLine = z.infer<typeof calibrationLineSchema>;

export interface Calibration {
  readonly conditions: CalibrationConditions;
  readonly groups: readonly CalibrationGroup[];
  readonly gates: readonly z.infer<typeof gateRecordSchema>[];
}

/** @throws naming the line that cannot be read, or that the conditions are missing */
export function parseCalibration(text: string): Calibration {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      try {
        return calibrationLineSchema.parse(JSON.parse(line));
      } catch (cause) {
        throw new Error(`line ${index + 1} of the calibration cannot be read`, { cause });
      }
    });
  const [first] = lines;
  if (first === undefined || !('conditions' in first))
    throw new Error('the calibration does not begin with its conditions');
  return {
    conditions: first.conditions,
    groups: lines.flatMap((line) => ('group' in line ? [line.group] : [])),
    gates: lines.flatMap((line) => ('gate' in line ? [line.gate] : [])),
  };
}
