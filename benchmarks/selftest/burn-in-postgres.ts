import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

import { isAlive } from '../probes/process-table.ts';
import { type KnownBurn, usedBetween } from './known-burn.ts';

const rows = 30;
const workers = 2;
const secondsPerRow = 0.05;
/** So much that the 10 ms in which the kernel counts what ended processes have used are well below 2 %. */
const burnedAtLeastSeconds = 1.5;
const roundsAtMost = 10;

/**
 * `burn` has a statement planned at its end, and with log_planner_stats the backend then says what getrusage(2) tells
 * it of itself; the statement has the process id in it, which messages have not. So do parallel workers, who share the
 * leader's settings. Rows are as long as half a page, so that there are pages for both workers.
 */
const setUp = `
  CREATE SCHEMA known_burn;
  CREATE FUNCTION known_burn.burn(seconds double precision, asleep boolean) RETURNS double precision
    LANGUAGE plpgsql PARALLEL SAFE AS $$
    DECLARE until timestamptz := clock_timestamp() + seconds * interval '1 second';
    BEGIN
      IF asleep THEN PERFORM pg_sleep(seconds); END IF;
      WHILE clock_timestamp() < until LOOP PERFORM sum(n) FROM generate_series(1, 5000) n; END LOOP;
      EXECUTE format('SELECT 1 AS burned_by_%s', pg_backend_pid());
      RETURN seconds;
    END $$;
  CREATE TABLE known_burn.rows (filler text STORAGE PLAIN);
  INSERT INTO known_burn.rows SELECT repeat('x', 3500) FROM generate_series(1, ${rows});`;

const settings = `
  SET client_min_messages = log;
  SET log_min_messages = fatal;
  SET log_planner_stats = on;
  SET max_parallel_workers_per_gather = ${workers};
  SET parallel_setup_cost = 0;
  SET parallel_tuple_cost = 0;
  SET min_parallel_table_scan_size = 0;
  SET parallel_leader_participation = off`;

/**
 * Two backends at once and a third that comes and goes beside them, then a query of parallel workers, which end with it.
 *
 * @param connectionString of a superuser; a schema of its own is made in the database, and dropped by `close`
 */
export async function openBurnInPostgres(connectionString: string): Promise<KnownBurn> {
  const told = new Map<string, number>();
  const parallel = new Set<string>();
  const connect = async (): Promise<Client> => {
    const client = new Client({ connectionString });
    await client.connect();
    // The statement that is lost with the connection rejects.
    client.on('error', () => undefined);
    client.on('notice', ({ detail = '', where = '' }) => {
      const id = /burned_by_(\d+)/.exec(where)?.[1];
      const total = /\[([\d.]+) s user, ([\d.]+) s system total\]/.exec(detail);
      if (id === undefined || total === null) return;
      told.set(id, Number(total[1]) + Number(total[2]));
      if (where.includes('parallel worker')) parallel.add(id);
    });
    await client.query(settings);
    return client;
  };
  const burn = (client: Client, seconds: number, asleep: boolean) =>
    client.query('SELECT known_burn.burn($1, $2)', [seconds, asleep]);

  const [first, second] = [await connect(), await connect()];
  await first.query(setUp);
  for (const client of [first, second]) await burn(client, 0, false);
  const pass = async (asleep: boolean): Promise<void> => {
    const third = await connect();
    await burn(third, 0.8, asleep);
    await third.end();
  };
  const round = async (asleep: boolean): Promise<void> => {
    const standing = new Set(told.keys());
    parallel.clear();
    await Promise.all([burn(first, 1, asleep), burn(second, 1, asleep), pass(asleep)]);
    await first.query(`SELECT sum(known_burn.burn(${secondsPerRow}, ${asleep})) FROM known_burn.rows`);
    const passing = [...told.keys()].filter((id) => !standing.has(id));
    if (parallel.size !== workers || passing.length !== workers + 1) {
      throw new Error(
        `${parallel.size} of ${workers} parallel workers burned, ${passing.length} of ${workers + 1} passing processes`,
      );
    }
    await waitUntilGone(passing);
  };
  return {
    description: `2 backends at once, others that began and ended beside them, ${workers} parallel workers at a time`,
    clocks: () => Promise.resolve(new Map(told)),
    async burn() {
      const start = new Map(told);
      for (let rounds = 1; rounds <= roundsAtMost; rounds += 1) {
        await round(false);
        if (usedBetween(start, told) >= burnedAtLeastSeconds) return rounds;
      }
      throw new Error(`${roundsAtMost} rounds have not burned ${burnedAtLeastSeconds} s of CPU`);
    },
    async comeAndGo(rounds) {
      for (let done = 0; done < rounds; done += 1) await round(true);
    },
    async close() {
      await first.query('DROP SCHEMA known_burn CASCADE');
      await Promise.all([first.end(), second.end()]);
    },
  };
}

async function waitUntilGone(processIds: readonly string[]): Promise<void> {
  for (let waits = 0; processIds.some((id) => isAlive(Number(id))); waits += 1) {
    if (waits === 100) throw new Error(`of the processes ${processIds.join(', ')} one has not ended after a second`);
    await sleep(10);
  }
}
