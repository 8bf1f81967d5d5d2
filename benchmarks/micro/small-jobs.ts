import { join } from 'node:path';

import { Redis } from 'ioredis';
import { type Client, Pool, type PoolClient } from 'pg';

import type { RunningVariant } from '../environments/environment.ts';
import { startWorker } from '../environments/service-process.ts';
import { createAcceptedLedger, isAccepted } from '../faults/accepted-ledger.ts';
import { pollUntil } from '../faults/poll.ts';
import { submitJobs } from '../faults/submit-jobs.ts';
import { describeComparison } from './describe-comparison.ts';
import { inRounds } from './in-rounds.ts';
import type { MicroContext, MicroFigure } from './micro-figure.ts';
import { newHalls } from './new-halls.ts';
import { connectionStringOf, connectToDatabase, createReferenceTables, requireSameSeats } from './reference-tables.ts';
import { type Workbench, withService } from './with-service.ts';

const jobs = 3_000;
const seatsEach = 10;
/** As many as a worker reads at once. */
const batchSize = 100;
const connections = 10;
const clientsInFlight = 16;
const longestWaitMs = 120_000;

interface Contestant {
  readonly name: string;
  /** Jobs per second that were done for these halls. */
  readonly run: (hallIds: readonly number[]) => Promise<number>;
}

/** How many small jobs a worker does: jobs that were accepted before it started, beside the statements alone. */
export const smallJobs: MicroFigure = {
  id: 'small-jobs',
  async measure(context) {
    const configuration = { SEAT_CREATION: 'stream', ROLE: 'api' };
    return withService({ database: 'postgres', configuration }, context, async (service, workbench) => {
      const database = await connectToDatabase(service, workbench);
      const pool = createPool(service, workbench);
      for (const prefix of ['batched', 'single']) await createReferenceTables(database, prefix);
      const contestants: readonly Contestant[] = [
        {
          name: 'the service, 1 worker',
          run: async (hallIds) => {
            await acceptAll(service, hallIds, { context, workbench });
            return drain(service, hallIds, { context, workbench, database });
          },
        },
        {
          name: `PostgreSQL, ${batchSize} jobs a transaction, 1 connection`,
          run: (hallIds) => insertAll(hallIds, { prefix: 'batched', connections: 1, batchSize, pool }),
        },
        {
          name: `PostgreSQL, 1 job a transaction, ${connections} connections`,
          run: (hallIds) => insertAll(hallIds, { prefix: 'single', connections, batchSize: 1, pool }),
        },
      ];
      const allHalls = await newHalls(service, { count: jobs * (context.rounds + 1), seatsEach }, context);
      const rates = await inRounds(contestants, context, ({ run }, round) =>
        run(allHalls.slice(jobs * round, jobs * (round + 1))),
      );
      for (const prefix of ['batched', 'single']) await requireSameSeats(database, prefix, allHalls);
      return [
        `Small jobs per second: ${jobs.toLocaleString('en')} jobs of ${seatsEach} seats a round, PostgreSQL.`,
        `The service: accepted before the worker starts; from the first batch of ${batchSize} to the last, by the ledger.`,
        'The references: the row of the ledger and the seats of the same jobs, into tables with the same columns and',
        'keys, by set-based inserts; no queue, no plans, no counting.',
        '',
        describeComparison({
          names: contestants.map(({ name }) => name),
          values: rates,
          format: (rate) => Math.round(rate).toLocaleString('en'),
        }),
      ].join('\n');
    });
  },
};

function createPool({ database }: RunningVariant, { stopAtEnd }: Workbench): Pool {
  const pool = new Pool({ connectionString: connectionStringOf(database), max: connections });
  // A server that goes away rejects the statement that is under way, or the next one.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  stopAtEnd({ stop: () => pool.end() });
  return pool;
}

interface Surroundings {
  readonly context: MicroContext;
  readonly workbench: Workbench;
}

async function acceptAll(
  { apiUrl, apiToken }: RunningVariant,
  hallIds: readonly number[],
  { context: { signal }, workbench: { directory } }: Surroundings,
): Promise<void> {
  const ledger = createAcceptedLedger(join(directory, `accepted-from-${hallIds[0]}.ndjson`));
  try {
    await submitJobs({
      apiUrls: [apiUrl],
      apiToken,
      hallIds,
      ledger,
      pace: { inFlight: clientsInFlight },
      retry: 'never',
      retryForMs: 0,
      signal,
    });
    signal.throwIfAborted();
    const accepted = ledger.entries.filter(isAccepted).length;
    if (accepted !== hallIds.length) throw new Error(`${accepted} of ${hallIds.length} jobs were accepted`);
  } finally {
    ledger.close();
  }
}

async function drain(
  service: RunningVariant,
  hallIds: readonly number[],
  { context: { signal }, workbench, database }: Surroundings & { readonly database: Client },
): Promise<number> {
  const queue = new Redis(service.redisQueueUrl);
  const worker = await startWorker({
    name: `worker from ${hallIds[0]}`,
    directory: workbench.directory,
    configuration: {
      NODE_ENV: 'production',
      ROLE: 'worker',
      SEAT_CREATION: 'stream',
      ADMIN_PORT: '0',
      DATABASE_URL: connectionStringOf(service.database),
      REDIS_QUEUE_URL: service.redisQueueUrl,
    },
  });
  try {
    await pollUntil(async () => (await queue.xlen('seat-creation')) === 0, {
      everyMs: 20,
      withinMs: longestWaitMs,
      signal,
      notSo: 'not all was done',
    });
  } finally {
    queue.disconnect();
    await worker.process.stop();
  }
  return rateByLedger(database, hallIds);
}

/** A batch writes its rows of the ledger by one statement, when it begins: from the first one's to the last one's. */
async function rateByLedger(database: Client, hallIds: readonly number[]): Promise<number> {
  const { rows } = await database.query<{ readonly seconds: number }>(
    `select extract(epoch from done_at)::float8 as seconds
     from seat_creations where hall_id = any ($1::bigint[]) order by done_at`,
    [hallIds],
  );
  if (rows.length !== hallIds.length) throw new Error(`${rows.length} of ${hallIds.length} jobs are in the ledger`);
  const [first = Number.NaN, last = Number.NaN] = [rows[batchSize - 1]?.seconds, rows.at(-1)?.seconds];
  return (hallIds.length - batchSize) / (last - first);
}

interface InsertRequest {
  readonly prefix: string;
  readonly connections: number;
  readonly batchSize: number;
  readonly pool: Pool;
}

/** Each connection takes the next batch when it has committed the last one. Jobs per second. */
async function insertAll(hallIds: readonly number[], request: InsertRequest): Promise<number> {
  const { prefix, pool } = request;
  const batches = Array.from({ length: Math.ceil(hallIds.length / request.batchSize) }, (_, index) =>
    hallIds.slice(request.batchSize * index, request.batchSize * (index + 1)),
  )[Symbol.iterator]();
  const clients = await Promise.all(Array.from({ length: request.connections }, () => pool.connect()));
  try {
    const started = performance.now();
    const insertInTurn = async (client: PoolClient): Promise<void> => {
      for (const batch of batches) await insertBatch(client, prefix, batch);
    };
    await Promise.all(clients.map(insertInTurn));
    return (1_000 * hallIds.length) / (performance.now() - started);
  } finally {
    for (const client of clients) client.release();
  }
}

async function insertBatch(client: PoolClient, prefix: string, hallIds: readonly number[]): Promise<void> {
  await client.query('begin');
  await client.query({
    name: `${prefix}-ledger`,
    text: `insert into ${prefix}_ledger (operation_id, hall_id, seats, accepted_at, done_at)
      select gen_random_uuid()::text, hall_id, ${seatsEach}, now(), clock_timestamp()
      from unnest($1::bigint[]) as hall_id`,
    values: [hallIds],
  });
  await client.query({
    name: `${prefix}-seats`,
    text: `insert into ${prefix}_seats (hall_id, floor, section, "row", seat, grade)
      select hall_id, '1', 'A', 1, seat, 'R'
      from unnest($1::bigint[]) as hall_id cross join generate_series(1, ${seatsEach}) as seat
      order by hall_id, seat`,
    values: [hallIds],
  });
  await client.query('commit');
}
