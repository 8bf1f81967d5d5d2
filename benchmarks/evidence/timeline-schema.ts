import { z } from 'zod';

import { idSchema } from './schema.ts';

/** What a timeline shows in one of its small charts, all with the same time axis. */
const timelinePanelSchema = z.strictObject({
  id: idSchema,
  label: z.string(),
  /** As in metric definitions: `s`, `1/s`, `cores`; empty for counts. Of `states`: empty. */
  unit: z.string(),
  /** Stacked values add up to something; a value of `states` is the position of a state's name. */
  form: z.enum(['lines', 'stacked', 'states']),
  values: z
    .array(
      z.strictObject({
        id: idSchema,
        label: z.string(),
        /** Of answers a second: all values that say so are the answers of the timeline, of which shares are taken. */
        answers: z.enum(['served', 'refused', 'failed']).optional(),
      }),
    )
    .min(1),
  /** What of a phase its table gives, over the phase's intervals; absent: the mean. */
  inPhases: z.literal('largest').optional(),
  /** Of form `states`: their names. */
  states: z.array(z.string()).optional(),
  /** A line across the panel: a number in its unit, or the id of a value of the trial (a capacity that was measured). */
  limits: z.array(z.strictObject({ label: z.string(), at: z.union([z.number(), idSchema]) })),
});

/** What the trials of an experiment record of every interval. */
export const timelineDefinitionSchema = z.strictObject({
  intervalSeconds: z.number().positive(),
  panels: z.array(timelinePanelSchema).min(1),
});

/** A phase of a trial begins, which the next mark, or the end, ends. */
const timelineMarkSchema = z.strictObject({
  /** Since the beginning of the timeline; the first mark is at 0. */
  atSeconds: z.number().min(0),
  /** What happens here: `Redis SIGKILL`, `Redis is back`. The same in every trial of a series. */
  label: z.string().min(1),
  /** Whether something is out of order from here on. */
  isFault: z.boolean(),
});

/** A trial as time went by. Interval i is the time from i to i + 1 times the definition's `intervalSeconds`. */
export const timelineSchema = z.strictObject({
  marks: z.array(timelineMarkSchema).min(1),
  /** By the id of each defined value: one number for each interval, null where it could not be read. */
  values: z.record(idSchema, z.array(z.number().nullable())),
});

export type TimelineDefinition = z.infer<typeof timelineDefinitionSchema>;
export type TimelinePanel = z.infer<typeof timelinePanelSchema>;
export type TimelineMark = z.infer<typeof timelineMarkSchema>;
export type Timeline = z.infer<typeof timelineSchema>;
