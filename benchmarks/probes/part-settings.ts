import Database from 'better-sqlite3';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { z } from 'zod';

import type { PartSettings } from '../evidence/part-settings.ts';

export interface ConfiguredParts {
  /** For a role of the lab's own: `postgres://…`; or the file of SQLite. */
  readonly database:
    | { readonly engine: 'postgres'; readonly adminConnectionString: string }
    | { readonly engine: 'sqlite'; readonly file: string };
  readonly redisCacheUrl: string;
  readonly redisQueueUrl: string;
  /** Environment variables of each process of the service, by its name: `service`, `worker 1`. */
  readonly services: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * What the parts run with: of servers as they say themselves, over their own connections; of the service as it was
 * started. What is not among the service's variables has the default of its commit. Rejects when a server does not answer.
 */
export async function readPartSettings(parts: ConfiguredParts): Promise<PartSettings[]> {
  const { database, services } = parts;
  return [
    database.engine === 'postgres'
      ? await readPostgresSettings(database.adminConnectionString)
      : readSqliteSettings(database.file),
    await readRedisSettings('Redis (cache)', parts.redisCacheUrl),
    await readRedisSettings('Redis (queue)', parts.redisQueueUrl),
    ...Object.entries(services).map(([part, configuration]) => ({
      part,
      source: 'its environment variables, without secrets and addresses',
      values: shown(configuration),
    })),
  ];
}

/** What somebody has set, and what a reader asks for even where nobody has; neither files nor addresses. */
const postgresQuery = `
  SELECT name, current_setting(name) AS value FROM pg_settings
  WHERE (source IN ('command line', 'configuration file', 'database', 'global')
         AND name NOT IN ('port', 'listen_addresses', 'unix_socket_directories'))
     OR name IN ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'work_mem',
                 'effective_cache_size', 'random_page_cost', 'max_parallel_workers_per_gather')
  ORDER BY name`;
const postgresSchema = z.array(z.object({ name: z.string(), value: z.string() }));

async function readPostgresSettings(connectionString: string): Promise<PartSettings> {
  const client = new Client({ connectionString, application_name: 'ticketing-lab' });
  await client.connect();
  try {
    const rows = postgresSchema.parse((await client.query(postgresQuery)).rows);
    return {
      part: 'PostgreSQL',
      source: 'pg_settings: what is set, and some defaults',
      values: Object.fromEntries(rows.map(({ name, value }) => [name, value])),
    };
  } finally {
    await client.end();
  }
}

/** Those that a file keeps; what each connection sets for itself is the service's. */
const sqlitePragmas = ['journal_mode', 'page_size', 'auto_vacuum', 'encoding'] as const;

function readSqliteSettings(file: string): PartSettings {
  const connection = new Database(file, { readonly: true });
  try {
    const values = sqlitePragmas.map((name) => [name, String(connection.pragma(name, { simple: true }))]);
    return { part: 'SQLite', source: 'PRAGMA of its file', values: Object.fromEntries(values) };
  } finally {
    connection.close();
  }
}

const redisSettings = [
  'appendonly',
  'appendfsync',
  'no-appendfsync-on-rewrite',
  'save',
  'maxmemory',
  'maxmemory-policy',
  'io-threads',
  'hz',
] as const;
const redisSchema = z.array(z.string());

async function readRedisSettings(part: string, url: string): Promise<PartSettings> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, protocol: 2 });
  // The command that is lost with the connection rejects.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const answer = redisSchema.parse(await client.call('CONFIG', 'GET', ...redisSettings));
    const found = new Map(answer.flatMap((name, at) => (at % 2 === 0 ? [[name, answer[at + 1] ?? '']] : [])));
    const values = redisSettings.flatMap((name) => {
      const value = found.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    return { part, source: 'CONFIG GET', values: Object.fromEntries(values) };
  } finally {
    client.disconnect();
  }
}

/** Different in every run, and no part of what is measured. */
const addresses = /^(HOST|PORT|ADMIN_HOST|ADMIN_PORT|NODE_COMPILE_CACHE)$|_URL$/;
const secrets = /TOKEN|PASSWORD|SECRET|_FILE$/;

function shown(configuration: Readonly<Record<string, string>>): Record<string, string> {
  const rest = Object.entries(configuration).filter(([name]) => !addresses.test(name) && !secrets.test(name));
  return Object.fromEntries(rest.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
