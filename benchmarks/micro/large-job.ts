import type { Client } from 'pg';
import { z } from 'zod';

import type { RunningVariant } from '../environments/environment.ts';
import { pollUntil } from '../faults/poll.ts';
import { describeComparison } from './describe-comparison.ts';
import { inRounds } from './in-rounds.ts';
import type { MicroContext, MicroFigure } from './micro-figure.ts';
import { newHalls } from './new-halls.ts';
import { connectToDatabase, createReferenceTables, requireSameSeats } from './reference-tables.ts';
import { withService } from './with-service.ts';

const seats = 100_000;
/** As the plan of `newHalls` has them. */
const seatsInRow = 50;
const prefix = 'single_statement';
const longestWaitMs = 120_000;
const lookEveryMs = 2;
const goal = { ratio: 0.8, better: 'higher' } as const;
const acceptedSchema = z.object({ id: z.uuid() });

interface Contestant {
  readonly name: string;
  /** Resolves when the seats of this hall are committed. */
  readonly createSeats: (hallId: number) => Promise<unknown>;
}

/** What a large job costs: from the sending of its request to its commit, beside one statement that inserts its rows. */
export const largeJob: MicroFigure = {
  id: 'large-job',
  async measure(context) {
    const configuration = { SEAT_CREATION: 'stream' };
    return withService({ database: 'postgres', configuration, workers: 1 }, context, async (service, workbench) => {
      const database = await connectToDatabase(service, workbench);
      await createReferenceTables(database, prefix);
      const contestants: readonly Contestant[] = [
        {
          name: 'the service, from POST to commit',
          createSeats: (hallId) => createThroughService(service, hallId, { database, context }),
        },
        { name: 'PostgreSQL, one INSERT … SELECT', createSeats: (hallId) => createByStatement(database, hallId) },
      ];
      const hallIds = await newHalls(service, { count: context.rounds + 1, seatsEach: seats }, context);
      const rates = await inRounds(contestants, context, async ({ createSeats }, round) => {
        const started = performance.now();
        await createSeats(hallIds[round] ?? Number.NaN);
        return (1_000 * seats) / (performance.now() - started);
      });
      await requireSameSeats(database, prefix, hallIds);
      return [
        `Seats per second: one job of ${seats.toLocaleString('en')} seats through the stream, PostgreSQL, 1 worker.`,
        'The reference inserts the same rows into a table with the same columns and keys, as durably.',
        'What the service does more: HTTP, the stream, the plan in JSON, the ledger, the count of what was written.',
        '',
        describeComparison({
          names: contestants.map(({ name }) => name),
          values: rates,
          format: (rate) => Math.round(rate).toLocaleString('en'),
          goal,
        }),
      ].join('\n');
    });
  },
};

/** Looks for the row of the ledger, which is committed with the seats. */
async function createThroughService(
  { apiUrl, apiToken }: RunningVariant,
  hallId: number,
  { database, context: { signal } }: { readonly database: Client; readonly context: MicroContext },
): Promise<void> {
  const url = `${apiUrl}/halls/${hallId}/seats`;
  const response = await fetch(url, { method: 'POST', headers: { Authorization: `Bearer ${apiToken}` }, signal });
  const body = await response.text();
  if (response.status !== 202) throw new Error(`POST ${url} was answered ${response.status}: ${body.slice(0, 200)}`);
  const { id } = acceptedSchema.parse(JSON.parse(body));
  const done = { name: 'is-done', text: 'select 1 from seat_creations where operation_id = $1', values: [id] };
  await pollUntil(async () => (await database.query(done)).rows.length > 0, {
    everyMs: lookEveryMs,
    withinMs: longestWaitMs,
    signal,
    notSo: `operation ${id} was not done`,
  });
}

/** One series and no join, whose order would be the planner's: rows that come in the order of the key cost less. */
async function createByStatement(database: Client, hallId: number): Promise<void> {
  await database.query(
    `insert into ${prefix}_seats (hall_id, floor, section, "row", seat, grade)
     select $1::bigint, '1', 'A', n / ${seatsInRow} + 1, n % ${seatsInRow} + 1, 'R'
     from generate_series(0, ${seats - 1}) as n`,
    [hallId],
  );
}
