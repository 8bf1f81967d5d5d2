import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { EnvironmentRequest, RunningVariant } from './environment.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { type OnProcess, runSeedCommand } from './seed-command.ts';

const run = promisify(execFile);

/** Owns its database and is not a superuser; the lab has a role of its own, so that their statements stay apart. */
const serviceRole = 'ticketing';
const databaseName = 'ticketing';

/** A database that runs (PostgreSQL) or lies there (SQLite). */
export interface VariantDatabase {
  readonly database: RunningVariant['database'];
  /** DATABASE_URL of the service. */
  readonly url: string;
  /** SQLite has none: it runs inside the service. */
  readonly server?: PostgresServer;
}

interface DatabaseRequest {
  readonly engine: EnvironmentRequest['database'];
  /** Holds everything that belongs to the database, and nothing else; a copy of it is another database. */
  readonly directory: string;
  /** As it is called in messages. */
  readonly name: string;
  /** Of PostgreSQL, over those of the lab. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly onProcess: OnProcess;
}

/**
 * For the time of the seed: when the machine stops in its middle, nobody wants what is there. synchronous_commit stays
 * on: VACUUM marks no page all-visible while the commits of its rows are not flushed, and without the visibility map
 * every index-only scan fetches from the heap (here 9,400 buffers for a list page instead of 585).
 */
const withoutDurability = { fsync: 'off', full_page_writes: 'off' };

/**
 * Fills one database by the service's own seed command and copies its files for the other variants, so that all of
 * them are the same to the byte, indexes and free space included.
 *
 * @param sources of the seed command; see `VariantRequest`
 */
export async function seedDatabases(
  { database: engine, seed, onStep }: Pick<EnvironmentRequest, 'database' | 'seed' | 'onStep'>,
  { directories, sources }: { readonly directories: readonly string[]; readonly sources: string | undefined },
  onProcess: OnProcess,
): Promise<void> {
  const [directory = '', ...others] = directories;
  await mkdir(directory, { recursive: true });
  onStep(`filling a database with ${seed.performances} performances`);
  const database = await startDatabase({
    engine,
    directory,
    name: 'database for the seed',
    settings: withoutDurability,
    onProcess,
  });
  if (database.server) await createServiceDatabase(database.server);
  await runSeedCommand({ url: database.url, seed, directory, sources, onProcess });
  await database.server?.stop();
  // Node's own copy would not keep the owner, which is somebody else when the lab runs as root.
  for (const other of others) await run('cp', ['-a', directory, other]);
}

/** On the files in `directory`, which may have been copied from another variant's. */
export async function startDatabase(request: DatabaseRequest): Promise<VariantDatabase> {
  const { engine, directory, name, settings = {}, onProcess } = request;
  if (engine === 'sqlite') {
    const file = join(directory, 'ticketing.db');
    return { database: { engine, file }, url: `sqlite:${file}` };
  }
  const server = await startPostgresServer({ directory, name, settings });
  onProcess(server.process);
  const { lab, service } = connectionStrings(server);
  return { database: { engine, adminConnectionString: lab }, url: service, server };
}

/** Of the service's database, for each of those who use it. */
export function connectionStrings(server: PostgresServer): { readonly lab: string; readonly service: string } {
  return {
    lab: server.connectionString(databaseName),
    service: server.connectionString(databaseName, serviceRole),
  };
}

/** An empty database, which the service migrates when it starts. */
export async function createServiceDatabase(server: PostgresServer): Promise<void> {
  await query(server.connectionString('postgres'), [
    `CREATE ROLE ${serviceRole} LOGIN`,
    `CREATE DATABASE ${databaseName} OWNER ${serviceRole}`,
  ]);
  await query(server.connectionString(databaseName), ['CREATE EXTENSION pg_stat_statements']);
}

async function query(connectionString: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
