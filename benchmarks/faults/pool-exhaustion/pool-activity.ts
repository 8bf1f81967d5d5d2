import { Client } from 'pg';
import { z } from 'zod';

import type { PoolHolders } from '../../evidence/pool-holders-schema.ts';
import type { Stage } from '../stage.ts';
import type { TimelineSource } from '../timeline-recorder.ts';

/** The service's connections as PostgreSQL sees them, at the end of each interval. */
export interface PoolActivitySource extends TimelineSource {
  /** Adds the samples up from now on. */
  beginSum(): void;
  /** What was added up, and of how many samples. */
  sum(): Pick<PoolHolders, 'samples' | 'backends'>;
  close(): Promise<void>;
}

/** Statements are told apart by their beginning, which is long enough to be known again by. */
const statementCharacters = 200;

/** Of any role but the lab's own. */
const activityQuery = `
  SELECT coalesce(state, 'unknown') AS state,
         regexp_replace(left(query, ${statementCharacters}), '\\s+', ' ', 'g') AS statement,
         count(*) AS connections,
         coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) AS longest
  FROM pg_stat_activity
  WHERE datname = current_database() AND usename <> current_user AND backend_type = 'client backend'
  GROUP BY 1, 2`;

const rowsSchema = z.array(
  z.object({
    state: z.string(),
    statement: z.string(),
    connections: z.coerce.number(),
    longest: z.coerce.number(),
  }),
);

export async function openPoolActivity({ database }: Pick<Stage, 'database'>): Promise<PoolActivitySource> {
  const client = new Client({ connectionString: database.url, application_name: 'ticketing-lab' });
  // The statement that is lost with the connection rejects.
  client.on('error', () => undefined);
  await client.connect();
  let samples = 0;
  let isSumming = false;
  const sums = new Map<string, PoolHolders['backends'][number]>();
  return {
    name: 'pg_stat_activity',
    ids: ['backends_idle_in_transaction'],
    async read() {
      const rows = rowsSchema.parse((await client.query(activityQuery)).rows);
      if (isSumming) {
        samples += 1;
        for (const { state, statement, connections, longest } of rows) {
          const key = JSON.stringify([state, statement]);
          const before = sums.get(key);
          sums.set(key, {
            state,
            statement,
            connections: connections + (before?.connections ?? 0),
            longestTransactionSeconds: Math.max(longest, before?.longestTransactionSeconds ?? 0),
          });
        }
      }
      const idleInTransaction = rows
        .filter(({ state }) => state === 'idle in transaction')
        .reduce((sum, { connections }) => sum + connections, 0);
      return { levels: { backends_idle_in_transaction: idleInTransaction }, counters: {} };
    },
    beginSum() {
      isSumming = true;
    },
    sum() {
      isSumming = false;
      return { samples, backends: [...sums.values()] };
    },
    close: () => client.end(),
  };
}
