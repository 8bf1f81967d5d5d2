import { Client } from 'pg';

import type { RunningVariant } from '../environments/environment.ts';
import type { Workbench } from './with-service.ts';

/** The superuser's connection to the service's database, closed at the end. */
export async function connectToDatabase({ database }: RunningVariant, { stopAtEnd }: Workbench): Promise<Client> {
  const client = new Client({ connectionString: connectionStringOf(database) });
  // A server that goes away rejects the statement that is under way, or the next one.
  client.on('error', () => undefined);
  await client.connect();
  stopAtEnd({ stop: () => client.end() });
  return client;
}

export function connectionStringOf(database: RunningVariant['database']): string {
  if (database.engine !== 'postgres') throw new Error(`a reference for PostgreSQL can't run on ${database.engine}`);
  return database.adminConnectionString;
}

/** Empty tables with the columns, defaults, checks and keys of the service's own. */
export async function createReferenceTables(client: Client, prefix: string): Promise<void> {
  await client.query(`create table ${prefix}_seats (like seats including all)`);
  await client.query(`create table ${prefix}_ledger (like seat_creations including all)`);
  // LIKE leaves foreign keys out; seats have none.
  await client.query(`alter table ${prefix}_ledger add foreign key (hall_id) references halls (id),
    add foreign key (showtime_id) references showtimes (id)`);
}

/** @throws when these halls do not have the same seats, and some, in both tables */
export async function requireSameSeats(client: Client, prefix: string, hallIds: readonly number[]): Promise<void> {
  const seats = (table: string): string =>
    `select hall_id, floor, section, "row", seat, grade from ${table} where hall_id = any ($1::bigint[])`;
  const { rows } = await client.query<{ readonly different: string; readonly all: string }>(
    `select count(*) filter (where here <> there) as different, count(*) as all from (
       select count(*) filter (where mine) as here, count(*) filter (where not mine) as there
       from (select true as mine, own.* from (${seats('seats')}) as own
         union all select false, other.* from (${seats(`${prefix}_seats`)}) as other) as both_tables
       group by hall_id, floor, section, "row", seat, grade
     ) as compared`,
    [hallIds],
  );
  const [compared] = rows;
  if (compared?.different !== '0' || compared.all === '0') {
    throw new Error(`${compared?.different} of ${compared?.all} seats are not the same in seats and ${prefix}_seats`);
  }
}
