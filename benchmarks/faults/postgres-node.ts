import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { type PostgresServer, startPostgresServer } from '../environments/postgres-server.ts';
import { connectionStrings, createServiceDatabase } from '../environments/variant-database.ts';
import { createAudit } from './audit.ts';
import type { DatabaseNode } from './stage.ts';
import type { StageProcesses } from './stage-processes.ts';
import { createSupervisedNode } from './supervised-node.ts';

/** A database of the stage, and what the stage alone needs to know of it. */
export interface StageDatabase {
  readonly node: DatabaseNode;
  /** DATABASE_URL of the service, past any proxy. */
  readonly url: string;
  /** Ends the lab's own connections. */
  close(): Promise<void>;
}

const name = 'database';
const connectionTimeoutMillis = 5_000;
/** Audits of 200,000 jobs take seconds; a frozen server would take for ever. */
const auditTimeoutMs = 120_000;

/** PostgreSQL with an empty database for the service, ready. */
export async function startPostgresNode(processes: StageProcesses): Promise<StageDatabase> {
  const directory = join(processes.directory, name);
  await mkdir(directory);
  let server: PostgresServer | undefined;
  const node = createSupervisedNode({
    name,
    processes,
    async spawn() {
      server = await startPostgresServer({ directory, name, ...(server && { port: server.port }) });
      return server.process;
    },
    untilReady: () => Promise.resolve(),
  });
  await node.start();
  if (!server) throw new Error(`${name} was not started`);
  await createServiceDatabase(server);
  const { lab, service } = connectionStrings(server);
  const connections = new Pool({
    connectionString: lab,
    max: 2,
    connectionTimeoutMillis,
    query_timeout: auditTimeoutMs,
  });
  // An idle connection whose server has gone: the pool has dropped it already, and the next audit makes another one.
  connections.on('error', () => undefined);
  const audit = createAudit({
    query: async (sql, values) => (await connections.query<object>(sql, [...values])).rows,
    isAmong: (column) => `${column} = any($1::bigint[])`,
    listOf: (ids) => ids,
  });
  return {
    node: Object.assign(node, {
      engine: 'postgres' as const,
      url: lab,
      audit,
      lock: () => lockSeats(lab),
      fillDisk: (): Promise<never> =>
        Promise.reject(new Error('the disk of this stage can not be filled: give it databaseDiskBytes')),
    }),
    url: service,
    close: () => connections.end(),
  };
}

/** Of all tables only the last that a writer comes to: nobody who waits for it has anything that we would wait for. */
async function lockSeats(connectionString: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString, connectionTimeoutMillis });
  // When the server goes, the lock goes with it: releasing is then nothing.
  let isHeld = true;
  client.on('error', () => (isHeld = false));
  await client.connect();
  try {
    await client.query('begin');
    await client.query('lock table seats in access exclusive mode');
  } catch (error) {
    await client.end();
    throw error;
  }
  return async () => {
    if (!isHeld) return;
    isHeld = false;
    await client.query('rollback');
    await client.end();
  };
}
