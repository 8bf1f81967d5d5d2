import { z } from 'zod';

const id = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Whose seats: a hall's, from its seating plan, or a showtime's, from its hall's and with its performance's prices. */
const targetSchema = z.strictObject({ kind: z.enum(['hall', 'showtime']), id });

/** What a client gave to make sending again safe. `scope`: route and token, whose digest it is. */
const idempotencyKeySchema = z.strictObject({ scope: z.string().min(1).max(100), key: z.string().min(1).max(255) });

/** A job as it stands in the queue. A field that is not known here is a newer release's, and does not matter. */
const jobSchema = z.object({
  /** Names the operation for good, however often the job is published, delivered or replayed. */
  operationId: z.uuid(),
  target: targetSchema,
  idempotencyKey: idempotencyKeySchema.optional(),
  /** ISO 8601 in UTC. */
  acceptedAt: z.iso.datetime(),
  /** How often it has come back from the dead letters: attempts are counted anew each time. */
  replays: z.int().min(0),
  /** What the plan said when the job was accepted, if the database could be asked: how jobs are packed together. */
  plannedSeats: z.int().min(0).optional(),
});

export type SeatTarget = Readonly<z.infer<typeof targetSchema>>;
export type IdempotencyKey = Readonly<z.infer<typeof idempotencyKeySchema>>;

export interface SeatCreationJob {
  readonly operationId: string;
  readonly target: SeatTarget;
  readonly idempotencyKey?: IdempotencyKey | undefined;
  readonly acceptedAt: string;
  readonly replays: number;
  readonly plannedSeats?: number | undefined;
}

export function encodeJob(job: SeatCreationJob): string {
  return JSON.stringify(job);
}

/** The job, or in words why these bytes are none. */
export function decodeJob(bytes: Buffer): SeatCreationJob | { readonly unreadable: string } {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return { unreadable: `not JSON in UTF-8: ${String(error)}` };
  }
  const parsed = jobSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `/${path.join('/')}: ${message}`);
  return { unreadable: `not a job of this version: ${problems.join('; ')}` };
}
