import { Client } from 'pg';
import { z } from 'zod';

import { repeatedly } from '../repeatedly.ts';

export interface DeclaredCapacity {
  /** Of each performance that is read. */
  readonly seconds: number;
  /** The others wait. */
  readonly atATime: number;
}

/**
 * From now on the database reads so many performances at a time for the service's role, and takes so long for each,
 * without needing the CPU: its capacity is declared, small, and the same on any machine. Lists of performances would
 * take for ever. The lab's own role is a superuser's, whom a policy does not concern.
 *
 * @param connectionString of the lab's own role in the service's database, PostgreSQL
 */
export async function slowLoads(connectionString: string, { seconds, atATime }: DeclaredCapacity): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await client.query(`
      create sequence declared_turn;
      create function declared_latency() returns boolean language plpgsql volatile security definer as $$
      begin
        perform pg_advisory_xact_lock('declared_turn'::regclass::int, (nextval('declared_turn') % ${atATime})::int);
        perform pg_sleep(${seconds});
        return true;
      end $$;
      create policy declared_latency on performances using (declared_latency());
      alter table performances enable row level security;
      alter table performances force row level security;`);
  } finally {
    await client.end();
  }
}

export interface BackendWatch {
  /** The largest number of backends of other roles that were seen at work at the same time. */
  most(): number;
  stop(): Promise<void>;
}

const everyMs = 10;
const activeSchema = z.object({ rows: z.tuple([z.object({ active: z.int() })]) });
const activeQuery = `select count(*)::int as active from pg_stat_activity
  where backend_type = 'client backend' and datname = current_database() and usename <> current_user
    and state = 'active'`;

/** Counts at the database, again and again, how many backends work for the service. What rejects, rejects in `stop`. */
export async function watchBackends(connectionString: string, signal: AbortSignal): Promise<BackendWatch> {
  const client = new Client({ connectionString });
  // The statement that is lost with the connection rejects.
  client.on('error', () => undefined);
  await client.connect();
  let most = 0;
  const count = async (): Promise<void> => {
    most = Math.max(most, activeSchema.parse(await client.query(activeQuery)).rows[0].active);
  };
  const endCounting = repeatedly(everyMs, count, signal);
  return {
    most: () => most,
    async stop() {
      try {
        await endCounting();
      } finally {
        await client.end();
      }
    },
  };
}
