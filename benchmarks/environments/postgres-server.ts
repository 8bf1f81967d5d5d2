import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { descendants, readProcessTable } from '../probes/process-table.ts';
import { requireTool } from '../toolchain/require-tool.ts';
import type { Tool } from '../toolchain/tool.ts';
import { onFreePort } from './free-port.ts';
import { startSupervisedProcess, type SupervisedProcess, waitUntilReady } from './supervised-process.ts';
import { unprivilegedLaunch, type UnprivilegedLaunch } from './unprivileged.ts';

const run = promisify(execFile);

export interface PostgresServerRequest {
  /** Exists; holds the log and the cluster, in `data`, which is made when it is not there yet. */
  readonly directory: string;
  /** Over those of the lab: `{ fsync: 'off' }` for tests. */
  readonly settings?: Readonly<Record<string, string>>;
  /** As it is called in messages. Default: `postgres`. */
  readonly name?: string;
  /** Where it was before, and is to be again. Default: any free one. */
  readonly port?: number;
  /**
   * Called before the server starts, when the cluster is there: puts its files somewhere else, and says how to run a
   * command where they are, as a user who is not root.
   */
  readonly place?: (dataDirectory: string) => Promise<UnprivilegedLaunch['wrap']>;
}

export interface PostgresServer {
  /** Of the postmaster; every backend is its child. */
  readonly processId: number;
  readonly port: number;
  readonly process: SupervisedProcess;
  /** For the superuser `lab` unless another role is named. No password: only loopback is listened on. */
  connectionString(database: string, role?: string): string;
  createDatabase(name: string, template?: string): Promise<void>;
  stop(): Promise<void>;
}

const superuser = 'lab';

/**
 * The data fit into shared_buffers, so that the database's cost is its CPU and not the disk of this machine.
 * Nothing runs by the clock inside a window (autovacuum is off). Durability stays as it is in production: fsync,
 * synchronous_commit and full_page_writes keep their defaults. jit is off, as it is from PostgreSQL 19 on: a plan
 * near its cost threshold would be compiled in one variant and not in the other.
 */
const labSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '1h',
  autovacuum: 'off',
  jit: 'off',
  max_connections: '100',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'top',
  'pg_stat_statements.max': '1000',
  'pg_stat_statements.save': 'off',
  compute_query_id: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** PostgreSQL on a port of 127.0.0.1. @throws with the end of its log when it does not come up. */
export async function startPostgresServer(request: PostgresServerRequest): Promise<PostgresServer> {
  const { directory } = request;
  const postgres = await requireTool('postgres');
  let launch = await unprivilegedLaunch(directory);
  const dataDirectory = join(directory, 'data');
  if (!(await exists(join(dataDirectory, 'PG_VERSION')))) await initializeCluster(postgres, dataDirectory, launch);
  if (request.place) launch = { wrap: await request.place(dataDirectory) };
  const start = (port: number): Promise<PostgresServer> =>
    startOnPort({ request, postgres, launch, dataDirectory, port });
  const { port } = request;
  return port === undefined ? onFreePort(start) : start(port);
}

interface Start {
  readonly request: PostgresServerRequest;
  readonly postgres: Tool;
  readonly launch: UnprivilegedLaunch;
  readonly dataDirectory: string;
  readonly port: number;
}

async function startOnPort({ request, postgres, launch, dataDirectory, port }: Start): Promise<PostgresServer> {
  const settings = { ...labSettings, port: String(port), ...request.settings };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, args] = launch.wrap(postgres.path, ['-D', dataDirectory, ...options]);
  const supervised = await startSupervisedProcess({
    name: request.name ?? 'postgres',
    command,
    args,
    environment: { ...process.env, ...postgres.environment },
    directory: request.directory,
    logFile: join(request.directory, `postgres-${port}.log`),
    stopSignal: 'SIGINT',
    stopTimeoutMs: 20_000,
    ...(launch.user && { user: launch.user }),
  });
  let processId: number;
  try {
    processId = await waitUntilReady(supervised, () => readyPostmaster(supervised, dataDirectory));
  } catch (error) {
    await supervised.stop();
    throw error;
  }
  const connectionString = (database: string, role = superuser): string =>
    `postgres://${role}@127.0.0.1:${port}/${database}`;
  return {
    processId,
    port,
    process: supervised,
    connectionString,
    createDatabase: (name, template) => createDatabase(connectionString('postgres'), name, template),
    stop: () => supervised.stop(),
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The same collation and character rules on every machine: those that PostgreSQL brings along. */
async function initializeCluster(postgres: Tool, dataDirectory: string, launch: UnprivilegedLaunch): Promise<void> {
  const [command, args] = launch.wrap(join(dirname(postgres.path), 'initdb'), [
    `--pgdata=${dataDirectory}`,
    `--username=${superuser}`,
    '--auth=trust',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-sync',
    '--no-instructions',
  ]);
  try {
    const env = { ...process.env, ...postgres.environment };
    await run(command, args, { cwd: dirname(dataDirectory), env, ...launch.user });
  } catch (error) {
    throw new Error(`initdb could not make a cluster in ${dataDirectory}`, { cause: error });
  }
}

/**
 * Lines of postmaster.pid: process id, data directory, start, port, sockets, address, shared memory, status. A server
 * that was killed has left its own behind.
 */
async function readyPostmaster(supervised: SupervisedProcess, dataDirectory: string): Promise<number | undefined> {
  // It comes and goes at any moment.
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n');
  const processId = Number(lines[0]);
  const isOurs = descendants(readProcessTable(), supervised.processId).has(processId);
  return isOurs && lines[7]?.trim() === 'ready' ? processId : undefined;
}

async function createDatabase(connectionString: string, name: string, template = 'template1'): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    const [database, source] = [client.escapeIdentifier(name), client.escapeIdentifier(template)];
    await client.query(`CREATE DATABASE ${database} TEMPLATE ${source}`);
  } finally {
    await client.end();
  }
}
