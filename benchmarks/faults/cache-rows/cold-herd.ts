import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';
import { z } from 'zod';

import type { RoleOfSeries, SeriesDefinition, TrialContext, TrialOutcome } from '../../protocol/trial-experiment.ts';
import { pollUntil } from '../poll.ts';
import type { Stage } from '../stage.ts';
import { emptyCache } from './empty-cache.ts';
import { noJobs } from './no-jobs.ts';
import { apiUrlsOf, cacheControl, openReadsSeries } from './open-reads-series.ts';
import { countReads, firstWrong, startReads } from './read-load.ts';
import { areBreakersClosed, readMetric, watchServices } from './service-observation.ts';
import type { VersionedPerformances } from './versioned-performances.ts';

const readers = 1_000;
const processes = 4;
const waiting = { everyMs: 50, withinMs: 30_000 };
/** Of those who are connected: their requests are read, and wait. */
const settledMs = 500;
/** Nobody gives up while the load is held. */
const patientMs = '10000';
const configuration = {
  PERFORMANCE_CACHE_COMMAND_TIMEOUT_MS: patientMs,
  PERFORMANCE_CACHE_LEASE_WAIT_MS: patientMs,
  PERFORMANCE_CACHE_LEASE_TTL_MS: '30000',
  PERFORMANCE_CACHE_LOAD_QUEUE_TIMEOUT_MS: '30000',
};

interface HerdRow extends Pick<SeriesDefinition, 'id' | 'label' | 'mustHold'> {
  readonly role: RoleOfSeries;
  /** That runs instead of the service. */
  readonly control?: string;
  /** Of the cache's Redis. */
  readonly isUp: boolean;
  readonly mostStatements: number;
}

const tooMany = 'statements for one page';

const rows: readonly HerdRow[] = [
  {
    id: 'cache-herd',
    label: 'cold herd',
    mustHold: `all answered; the database executes the page’s statement once`,
    role: { role: 'promise' },
    isUp: true,
    mostStatements: 1,
  },
  {
    id: 'cache-herd-down',
    label: 'herd, the cache is away',
    mustHold: `all answered; the database executes the page’s statement ${processes} times at most`,
    role: { role: 'promise' },
    isUp: false,
    mostStatements: processes,
  },
  {
    id: 'cache-herd-plain',
    label: 'control: cold herd, each loads',
    mustHold: `must make the database execute the page’s statement more than ${processes} times, or the harness is blind`,
    role: { role: 'control', mustShow: { problem: tooMany } },
    control: 'plain-get-or-load',
    isUp: true,
    mostStatements: processes,
  },
];

/** pg_stat_statements counts, and a lock holds the load: SQLite has neither. */
const unavailable: NonNullable<SeriesDefinition['unavailable']> = ({ database }) =>
  Promise.resolve(
    database === 'postgres'
      ? undefined
      : 'SQLite counts no statements, and has no lock that holds a read: use DATABASE=postgres',
  );

export const herdRows: readonly SeriesDefinition[] = rows.map((row) => ({
  id: row.id,
  label: row.label,
  how: `${readers} clients ask ${processes} processes for the main page, which nobody has; the load is held by a lock until all of them wait, and none gives up before (lease wait 10 s)${row.isUp ? '' : '; the cache’s Redis is killed'}; pg_stat_statements counts`,
  mustHold: row.mustHold,
  ...row.role,
  subject: 'reads',
  mayLose: false,
  trials: { quick: 1, full: row.control ? 3 : 20 },
  unavailable,
  open: (request) =>
    openReadsSeries(
      request,
      {
        performances: 20,
        apis: processes,
        configuration,
        ...(row.control !== undefined && { entry: cacheControl(row.control) }),
      },
      (stage, performances) => (context) => runTrial({ stage, performances, row }, context),
    ),
}));

interface HerdTrial {
  readonly stage: Stage;
  readonly performances: VersionedPerformances;
  readonly row: HerdRow;
}

async function runTrial({ stage, performances, row }: HerdTrial, context: TrialContext): Promise<TrialOutcome> {
  const watch = await watchServices(stage.apis);
  await emptyCache(stage.redisCache);
  const held = await holdLoads(stage);
  try {
    if (!row.isUp) await stage.redisCache.kill();
    context.step(`${readers} clients ask`);
    const before = await countLastingSockets(stage, context.signal);
    const apiUrls = apiUrlsOf(stage);
    const pace = { inFlight: readers };
    const reads = startReads({
      performances,
      apiUrls,
      pace,
      pageEvery: 1,
      answerWithinMs: 60_000,
      signal: context.signal,
    });
    // Each client has asked by now, and asks nothing more.
    const ended = reads.end();
    ended.catch(() => undefined);
    await pollUntil(async () => (await countSockets(stage)) >= before + readers, {
      ...waiting,
      signal: context.signal,
      notSo: `${readers} clients were not connected`,
    });
    await sleep(settledMs, undefined, { signal: context.signal });
    context.step('the load goes on');
    await held.release();
    await ended;
    const statements = await held.countStatements();
    if (!row.isUp) await bringBack(stage, context.signal);
    return {
      ...noJobs,
      faults: 1,
      recoverySeconds: [],
      reads: countReads(reads.records),
      values: { statements },
      problems: [
        ...(statements > row.mostStatements ? [`${statements} ${tooMany}: ${row.mostStatements} at most`] : []),
        ...(statements === 0 ? ['the database counts no statement at all'] : []),
        ...firstWrong(reads.records),
        ...(await watch.problems({ breakerOpens: false })),
      ],
    };
  } finally {
    await held.close();
    if (!stage.redisCache.isRunning()) await stage.redisCache.start();
  }
}

/** Resolves when every process asks its cache again. @throws when one of them still does not */
async function bringBack({ redisCache, apis }: Stage, signal: AbortSignal): Promise<void> {
  await redisCache.start();
  await pollUntil(() => areBreakersClosed(apis), { ...waiting, signal, notSo: 'the breakers did not all close' });
}

interface HeldLoads {
  release(): Promise<void>;
  /** How often others than the lab have read performances since the loads were held, by the database's own count. */
  countStatements(): Promise<number>;
  /** Releases, if nobody has. */
  close(): Promise<void>;
}

const countSchema = z.object({ calls: z.coerce.number() });

/** Whoever reads performances waits until `release`. */
async function holdLoads({ database }: Stage): Promise<HeldLoads> {
  const client = new Client({ connectionString: database.url });
  // The statement that is lost with the connection rejects.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('select pg_stat_statements_reset()');
    await client.query('begin');
    await client.query('lock table performances in access exclusive mode');
  } catch (error) {
    await client.end();
    throw error;
  }
  return {
    async release() {
      await client.query('commit');
    },
    async countStatements() {
      const { rows: found } = await client.query(
        `select coalesce(sum(calls), 0) as calls from pg_stat_statements
         where query ilike '%from "performances"%'
           and userid <> (select oid from pg_roles where rolname = current_user)`,
      );
      return countSchema.parse(found[0]).calls;
    },
    close: () => client.end(),
  };
}

const countSockets = ({ apis }: Stage): Promise<number> =>
  readMetric(apis, 'nodejs_active_handles', { type: 'Socket' });

/** The fewest of several looks: those to a Redis that was just killed are about to go, or come and go. */
async function countLastingSockets(stage: Stage, signal: AbortSignal): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 6; look += 1) {
    fewest = Math.min(fewest, await countSockets(stage));
    await sleep(50, undefined, { signal });
  }
  return fewest;
}
