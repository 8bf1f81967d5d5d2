import { createHash } from 'node:crypto';

import { Redis } from 'ioredis';
import { Client } from 'pg';
import { z } from 'zod';

import type { RunningVariant } from '../environments/environment.ts';
import type { LoadCounters } from '../gate/counters.ts';
import { parsePrometheusText } from '../probes/prometheus-text.ts';

/** What rises with every request; the rest of `LoadCounters` is looked at when a load is over. */
type RisingCounters = Pick<LoadCounters, 'statements' | 'databaseStatements' | 'cacheCommands' | 'queueCommands'>;
type LeftBehind = Pick<LoadCounters, 'cacheKeysWithoutTtl' | 'queueKeysWithoutTtl'>;

export interface CounterReader {
  read(): Promise<RisingCounters>;
  readLeftBehind(): Promise<LeftBehind>;
  /** Keys in the queue's Redis: what an accepted job adds goes again when it is done and acknowledged. */
  queueKeys(): Promise<number>;
  emptyCache(): Promise<void>;
  close(): Promise<void>;
}

/** Sent by the lab while it counts. */
const commandsOfLab = ['dbsize', 'info'];
/** Paced by the consumer's clock: a read waits a second at most, and what is idle is looked for every second. */
const commandsByClock = ['xautoclaim', 'xreadgroup'];
const uncounted: ReadonlySet<string> = new Set([...commandsOfLab, ...commandsByClock]);

/** On a PostgreSQL with pg_stat_statements, two Redis servers and an admin server that nobody else uses. */
export async function openCounterReader(variant: RunningVariant): Promise<CounterReader> {
  const { database, adminUrl, redisCacheUrl, redisQueueUrl } = variant;
  if (database.engine !== 'postgres') throw new Error('exact counters need pg_stat_statements: DATABASE=postgres');
  const client = new Client({ connectionString: database.adminConnectionString });
  await client.connect();
  const open = (url: string): Redis => new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  const [cache, queue] = [open(redisCacheUrl), open(redisQueueUrl)];
  return {
    async read() {
      return {
        statements: await readStatements(adminUrl),
        databaseStatements: await readDatabaseStatements(client),
        cacheCommands: await readCommands(cache),
        queueCommands: await readCommands(queue),
      };
    },
    async readLeftBehind() {
      return { cacheKeysWithoutTtl: await immortalKeys(cache), queueKeysWithoutTtl: await immortalKeys(queue) };
    },
    queueKeys: () => queue.dbsize(),
    async emptyCache() {
      await cache.flushall('SYNC');
    },
    async close() {
      cache.disconnect();
      queue.disconnect();
      await client.end();
    },
  };
}

async function readStatements(adminUrl: string): Promise<LoadCounters['statements']> {
  const response = await fetch(new URL('/metrics', adminUrl));
  const page = await response.text();
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${page.slice(0, 200)}`);
  const lines = parsePrometheusText(page).filter(({ name }) => name === 'database_query_seconds_count');
  if (lines.length === 0) throw new Error(`${response.url} has no database_query_seconds_count`);
  return Object.fromEntries(lines.map(({ labels, value }) => [labels['query'] ?? '', value]));
}

/** Of the service's role alone: the lab has one of its own. */
const statementsQuery = `
  SELECT query AS text, sum(calls) AS calls, sum(shared_blks_hit + shared_blks_read) AS buffers
  FROM pg_stat_statements
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
  GROUP BY query`;
const statementSchema = z.object({ text: z.string(), calls: z.coerce.number(), buffers: z.coerce.number() });

async function readDatabaseStatements(client: Client): Promise<LoadCounters['databaseStatements']> {
  const { rows } = await client.query(statementsQuery);
  return Object.fromEntries(
    rows.map((row) => {
      const { text, calls, buffers } = statementSchema.parse(row);
      return [shorten(text), { calls, sharedBuffers: buffers }];
    }),
  );
}

const longestText = 100;

/** A digest keeps apart what begins alike. */
function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  if (line.length <= longestText) return line;
  return `${line.slice(0, longestText)}… #${createHash('sha256').update(line).digest('hex').slice(0, 8)}`;
}

async function readCommands(redis: Redis): Promise<Readonly<Record<string, number>>> {
  const commands = (await redis.info('commandstats')).matchAll(/^cmdstat_([^:|]+)(?:\|[^:]+)?:calls=(\d+)/gm);
  const counts: Record<string, number> = {};
  for (const [, command = '', calls] of commands) {
    if (!uncounted.has(command)) counts[command] = (counts[command] ?? 0) + Number(calls);
  }
  return counts;
}

async function immortalKeys(redis: Redis): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for await (const keys of redis.scanStream({ count: 1000 })) {
    for (const key of z.array(z.string()).parse(keys)) {
      if ((await redis.ttl(key)) !== -1) continue;
      const pattern = key.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d+/g, '#');
      counts[pattern] = (counts[pattern] ?? 0) + 1;
    }
  }
  return counts;
}
