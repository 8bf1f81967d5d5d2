import { Client } from 'pg';
import { z } from 'zod';
import type { Probe } from './probe.ts';

/** Statements of this database by any role but our own, so that the lab does not count itself. */
const ofOthers = `dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user)`;

/** Without the texts, which PostgreSQL would read from a file. */
const totalsQuery = `
  SELECT coalesce(sum(calls), 0) AS calls,
         coalesce(sum(shared_blks_hit + shared_blks_read), 0) AS buffers,
         (SELECT dealloc FROM pg_stat_statements_info) AS evicted
  FROM pg_stat_statements(showtext => false) WHERE ${ofOthers}`;

const totalsSchema = z.object({ calls: z.coerce.number(), buffers: z.coerce.number(), evicted: z.coerce.number() });

/**
 * What the database executed, by its own count. `read` rejects when pg_stat_statements had to forget statements,
 * because the totals lack them from then on.
 *
 * @param connectionString of a role of the lab's own, which has the extension pg_stat_statements in this database
 */
export async function openPostgresStatistics(connectionString: string): Promise<Probe> {
  const client = new Client({ connectionString, application_name: 'ticketing-lab' });
  await client.connect();
  // The statement that is lost with the connection rejects.
  client.on('error', () => undefined);
  return {
    async read() {
      const { calls, buffers, evicted } = totalsSchema.parse((await client.query(totalsQuery)).rows[0]);
      if (evicted > 0) throw new Error(`pg_stat_statements has evicted ${evicted} times: raise pg_stat_statements.max`);
      return [
        {
          source: 'pg_stat_statements',
          counters: { database_statements: calls, database_shared_buffers: buffers },
          levels: {},
        },
      ];
    },
    close: () => client.end(),
  };
}
