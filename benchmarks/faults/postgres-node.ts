import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import {
  type PostgresServer,
  type PostgresServerRequest,
  startPostgresServer,
} from '../environments/postgres-server.ts';
import { connectionStrings, createServiceDatabase } from '../environments/variant-database.ts';
import { connectionTimeoutMillis, openPostgresAudit } from './postgres-audit.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';
import type { StageRequest } from './stage.ts';
import type { StageDatabase } from './stage-database.ts';
import type { StageProcesses } from './stage-processes.ts';
import { createSupervisedNode } from './supervised-node.ts';

const name = 'database';

/** PostgreSQL with an empty database for the service, ready. */
export async function startPostgresNode(
  { databaseDiskBytes }: Pick<StageRequest, 'databaseDiskBytes'>,
  processes: StageProcesses,
): Promise<StageDatabase> {
  const directory = join(processes.directory, name);
  await mkdir(directory);
  const disk = databaseDiskBytes === undefined ? undefined : createTableDisk(directory, databaseDiskBytes, processes);
  let server: PostgresServer | undefined;
  const node = createSupervisedNode({
    name,
    processes,
    async spawn() {
      server = await startPostgresServer({
        directory,
        name,
        ...(server && { port: server.port }),
        ...(disk && { place: disk.place }),
      });
      return server.process;
    },
  });
  await node.start();
  if (!server) throw new Error(`${name} was not started`);
  await createServiceDatabase(server);
  const { lab, service } = connectionStrings(server);
  const { audit, close } = openPostgresAudit(lab);
  return {
    node: Object.assign(node, {
      engine: 'postgres' as const,
      url: lab,
      audit,
      lock: () => lockSeats(lab),
      async fillDisk() {
        if (!disk) throw new Error("this database's disk can't be filled: open the stage with databaseDiskBytes");
        return disk.fill();
      },
    }),
    url: service,
    close,
  };
}

interface TableDisk {
  readonly place: NonNullable<PostgresServerRequest['place']>;
  fill(): ReturnType<SmallDisk['fill']>;
}

/** For the tables alone: what is to be seen is a statement without room, not a server that ends over it. */
function createTableDisk(directory: string, bytes: number, processes: StageProcesses): TableDisk {
  let disk: SmallDisk | undefined;
  const mounted = (): SmallDisk => {
    if (!disk) throw new Error(`the disk of ${bytes} bytes has not been mounted`);
    return disk;
  };
  return {
    async place(dataDirectory) {
      if (!disk) {
        await processes.launch(async () => {
          disk = await mountSmallDisk({ directory, dataDirectory, bytes, holds: 'tables' });
          return disk.process;
        });
      }
      return mounted().wrap;
    },
    fill: async () => mounted().fill(),
  };
}

/** Of all tables only the last that a writer comes to: nobody who waits for it has anything that we would wait for. */
async function lockSeats(connectionString: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString, connectionTimeoutMillis });
  // When the server goes, the lock goes with it, and there is nothing left to be released.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('begin');
    await client.query('lock table seats in access exclusive mode');
  } catch (error) {
    await client.end();
    throw error;
  }
  return () => client.end();
}
