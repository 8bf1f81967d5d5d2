import { z } from 'zod';
import type { Audit } from './stage.ts';

/** One statement, read from outside of the service. Numbers and times in the driver's own types. */
export type QueryRows = (sql: string, values: readonly unknown[]) => Promise<readonly unknown[]>;

export interface AuditDialect {
  readonly query: QueryRows;
  /** A condition: the column is one of the statement's only value. */
  readonly isAmong: (column: string) => string;
  /** What stands for ids as that value. */
  readonly listOf: (ids: readonly number[]) => unknown;
}

const operationSchema = z.object({
  operation_id: z.string(),
  state: z.enum(['done', 'failing', 'failed']),
  target_id: z.coerce.number(),
  reason: z.string().nullable(),
  failed_attempts: z.coerce.number(),
  ended_at: z.coerce.date(),
});
const countSchema = z.object({ operations: z.coerce.number() });
const hallSchema = z.object({
  hall_id: z.coerce.number(),
  expected_seats: z.coerce.number(),
  seats: z.coerce.number(),
  duplicates: z.coerce.number(),
});

export function createAudit({ query, isAmong, listOf }: AuditDialect): Audit {
  return {
    async operations() {
      const rows = await query(
        'select operation_id, state, target_id, reason, failed_attempts, ended_at from audit_seat_creations',
        [],
      );
      return new Map(
        rows.map((row) => {
          const operation = operationSchema.parse(row);
          return [
            operation.operation_id,
            {
              state: operation.state,
              targetId: operation.target_id,
              reason: operation.reason,
              failedAttempts: operation.failed_attempts,
              endedAtMs: operation.ended_at.getTime(),
            },
          ];
        }),
      );
    },
    async doneCount() {
      const [row] = await query("select operations from audit_seat_creation_counts where state = 'done'", []);
      return row === undefined ? 0 : countSchema.parse(row).operations;
    },
    async faultyHalls(hallIds) {
      const rows = await query(
        `select hall_id, coalesce(expected_seats, 0) as expected_seats, seats, duplicates from audit_hall_seats
         where ${isAmong('hall_id')} and (planned_seats is null or seats <> expected_seats or duplicates > 0)`,
        [listOf(hallIds)],
      );
      return rows.map((row) => {
        const hall = hallSchema.parse(row);
        return {
          hallId: hall.hall_id,
          expectedSeats: hall.expected_seats,
          seats: hall.seats,
          duplicates: hall.duplicates,
        };
      });
    },
  };
}
