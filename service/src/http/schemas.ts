import { z } from 'zod';
import 'zod-openapi';

import type { PerformancePage } from '../catalog/list-performances.ts';
import {
  genres,
  type Hall,
  type Performance,
  type PerformanceDetail,
  type PerformanceSummary,
  type Showtime,
  type Venue,
} from '../catalog/model.ts';

const id = z.int().min(1).meta({ example: 1 });

/** No control characters, of which PostgreSQL stores no NUL, and no halves of surrogate pairs. */
const line = (maximum: number) =>
  z
    .string()
    .min(1)
    .max(maximum)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'text of one line, without control characters');
const paragraphs = (maximum: number) =>
  z
    .string()
    .max(maximum)
    .regex(/^(?:[^\p{Cc}\p{Cs}]|[\n\t])*$/u, 'text without control characters, but for line feeds and tabs');

const name = line(200);
const city = line(100).meta({ example: 'Seoul' });
const grade = line(50).meta({ example: 'VIP' });
const genre = z.enum(genres);
const date = z.iso.date('a date YYYY-MM-DD').meta({ example: '2026-11-23' });
const instant = z.iso
  .datetime({ offset: true, message: 'an instant such as 2026-11-23T19:30:00Z' })
  .meta({ example: '2026-11-23T19:30:00.000Z' });

const numberRange = z
  .strictObject({ from: z.int(), to: z.int() })
  .meta({ description: 'Both ends are included', example: { from: 1, to: 20 } });
const seatingPlan = z
  .strictObject({
    floors: z.array(
      z.strictObject({
        name,
        sections: z.array(
          z.strictObject({
            name,
            grade,
            blocks: z.array(z.strictObject({ rows: numberRange, seats: numberRange })),
          }),
        ),
      }),
    ),
  })
  .meta({
    id: 'SeatingPlan',
    description: 'Every row of `rows` has every seat of `seats`; at most 100,000 seats and 100 grades',
  });
const seatsByGrade = z.array(z.object({ grade, seats: z.int() }));
const prices = z
  .array(
    z.strictObject({
      grade,
      amount: z.int().min(0).meta({ description: "In the currency's smallest unit", example: 120_000 }),
    }),
  )
  .max(100);
const period = z
  .strictObject({ from: date, to: date })
  .meta({ description: 'First and last day of the run, both included' });

export const newVenueSchema = z.strictObject({ name, city }).meta({ id: 'NewVenue' });
export const venueSchema = z.object({ id, name, city }).meta({ id: 'Venue' }) satisfies z.ZodType<Venue>;

export const newHallSchema = z.strictObject({ name, seatingPlan }).meta({ id: 'NewHall' });
export const hallSchema = z
  .object({ id, venueId: id, name, seatingPlan, seats: z.int(), seatsByGrade })
  .meta({ id: 'Hall' }) satisfies z.ZodType<Hall>;

const performanceFields = { title: name, introduction: paragraphs(20_000), genre, period, prices };
export const newPerformanceSchema = z.strictObject(performanceFields).meta({ id: 'NewPerformance' });
export const performanceChangeSchema = z
  .strictObject({
    title: name.exactOptional(),
    introduction: performanceFields.introduction.exactOptional(),
    genre: genre.exactOptional(),
    period: period.exactOptional(),
    prices: prices.exactOptional(),
  })
  .refine(
    (change) => Object.keys(change).length > 0,
    `an object with any of ${Object.keys(performanceFields).join(', ')}`,
  )
  .meta({
    id: 'PerformanceChange',
    description: 'The given fields replace what was there, each as a whole',
    minProperties: 1,
  });
export const performanceSchema = z
  .object({ id, ...performanceFields })
  .meta({ id: 'Performance' }) satisfies z.ZodType<Performance>;

export const newShowtimeSchema = z.strictObject({ hallId: id, startsAt: instant }).meta({ id: 'NewShowtime' });
const showtimeFields = { id, performanceId: id, hallId: id, startsAt: instant };
export const showtimeSchema = z.object(showtimeFields).meta({ id: 'Showtime' }) satisfies z.ZodType<Showtime>;

export const performanceDetailSchema = z
  .object({
    id,
    ...performanceFields,
    showtimes: z.array(z.object({ ...showtimeFields, hall: z.string(), venue: z.string(), city: z.string() })),
  })
  .meta({ id: 'PerformanceDetail' }) satisfies z.ZodType<PerformanceDetail>;

const performanceSummary = z
  .object({
    id,
    title: z.string(),
    genre,
    venue: z.string(),
    city: z.string(),
    nextShowtime: z.object({ id, startsAt: instant }),
    cheapestPrice: z.int().nullable(),
    seatsByGrade,
  })
  .meta({ id: 'PerformanceSummary' }) satisfies z.ZodType<PerformanceSummary>;
export const performancePageSchema = z
  .object({
    items: z.array(performanceSummary),
    nextCursor: z.string().optional().meta({ description: 'Absent on the last page' }),
  })
  .meta({ id: 'PerformancePage' });
export type PerformancePageBody = Omit<PerformancePage, 'performances'> & { items: PerformancePage['performances'] };

export const performanceListQuerySchema = z.strictObject({
  genre: genre.optional(),
  city: city.optional(),
  cursor: z.string().min(1).max(200).optional().meta({ description: 'The `nextCursor` of the page before' }),
  limit: z
    .string()
    .regex(/^(?:[1-9]\d?|100)$/, 'a whole number from 1 to 100')
    .transform(Number)
    .default(20)
    .meta({ override: { type: 'integer', minimum: 1, maximum: 100, default: 20 } }),
});

export const idempotencyHeaderSchema = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, '1 to 255 visible ASCII characters')
    .optional()
    .meta({ description: 'Sending again with the same key is the same operation, and creates nothing twice' }),
});

const seatTarget = z.object({ kind: z.enum(['hall', 'showtime']), id });
const failure = z.object({ reason: z.string().meta({ description: 'Stable: for programs' }), message: z.string() });
export const seatCreationAcceptedSchema = z.object({ id: z.uuid() }).meta({ id: 'SeatCreationAccepted' });
export const seatCreationSchema = z
  .object({
    id: z.uuid(),
    target: seatTarget,
    state: z.enum(['accepted', 'processing', 'done', 'failed']),
    attempts: z.int(),
    acceptedAt: instant,
    endedAt: instant.optional(),
    seatsCreated: z.int().optional(),
    failure: failure.optional(),
    deadLetterId: z.string().optional(),
  })
  .meta({ id: 'SeatCreation' });

const seatFields = {
  id,
  floor: z.string(),
  section: z.string(),
  row: z.int(),
  number: z.int(),
  grade: z.string(),
};
const seatsCursor = z.string().regex(/^[1-9]\d{0,14}$/, 'the `nextCursor` of a page');
export const seatsQuerySchema = z.strictObject({
  cursor: seatsCursor.optional().meta({ description: 'The `nextCursor` of the page before' }),
  limit: z
    .string()
    .regex(/^(?:[1-9]\d{0,2}|1000)$/, 'a whole number from 1 to 1,000')
    .transform(Number)
    .default(100)
    .meta({ override: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 } }),
});
const nextSeatsCursor = seatsCursor.optional().meta({ description: 'Absent on the last page' });
export const hallSeatPageSchema = z
  .object({ items: z.array(z.object(seatFields)), nextCursor: nextSeatsCursor })
  .meta({ id: 'HallSeatPage' });
export const showtimeSeatPageSchema = z
  .object({ items: z.array(z.object({ ...seatFields, amount: z.int().nullable() })), nextCursor: nextSeatsCursor })
  .meta({ id: 'ShowtimeSeatPage', description: '`amount` is `null` when the performance had no price for the grade' });

const letterId = z
  .string()
  .regex(/^\d{1,15}-\d{1,19}$/, 'the id of a dead letter')
  .meta({ example: '1795447975240-0' });
const deadLetter = z
  .object({
    id: letterId,
    reason: z.string(),
    message: z.string(),
    failedAt: instant,
    failedAttempts: z.int(),
    deliveries: z.int(),
    history: z
      .array(failure.extend({ failedAt: instant }))
      .meta({ description: 'Why it was a dead letter before, the oldest first' }),
    operationId: z.uuid().optional().meta({ description: 'Absent: the entry was no job' }),
    target: seatTarget.optional(),
  })
  .meta({ id: 'DeadLetter' });
export const deadLetterPageSchema = z
  .object({
    items: z.array(deadLetter),
    nextCursor: letterId.optional().meta({ description: 'Absent on the last page' }),
  })
  .meta({ id: 'DeadLetterPage' });
export const deadLettersQuerySchema = z.strictObject({
  cursor: letterId.optional().meta({ description: 'The `nextCursor` of the page before' }),
  limit: performanceListQuerySchema.shape.limit,
});

export const versionSchema = z
  .object({
    commit: z.string().meta({ description: 'The git commit that runs, or `unknown`' }),
    node: z.string(),
    database: z.enum(['sqlite', 'postgres']),
    performanceCache: z.enum(['off', 'look-aside']),
    seatCreation: z.enum(['async', 'stream']),
  })
  .meta({ id: 'Version' });
export type Version = z.infer<typeof versionSchema>;

/** RFC 9457, with `code`, `requestId` and facts as extension members. */
export const problemSchema = z
  .looseObject({
    type: z.string().meta({ format: 'uri-reference' }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    code: z.string().meta({ description: 'Stable: for programs' }),
    instance: z.string().optional().meta({ format: 'uri-reference' }),
    requestId: z.string().optional(),
    errors: z
      .array(
        z.object({
          in: z.enum(['body', 'query', 'header']),
          pointer: z.string(),
          value: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
          expected: z.string(),
        }),
      )
      .optional()
      .meta({
        description: 'The values that may not be as they are, 100 at most; of `invalid-seating-plan` the first',
      }),
  })
  .meta({ id: 'Problem' });
