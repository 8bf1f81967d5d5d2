import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { Registry } from 'prom-client';
import { inject } from 'vitest';

import { createDatabase } from '../../src/database/create-database.ts';
import { createDatabaseMetrics } from '../../src/database/database-metrics.ts';
import type { Database, DatabaseOptions } from '../../src/database/database.ts';

export const engines = ['sqlite', 'postgres'] as const;

export interface DatabaseUnderTest {
  readonly options: DatabaseOptions;
  readonly database: Database;
  readonly warnings: Readonly<Record<string, unknown>>[];
  /** The value of a sample, by its name and labels as Prometheus writes them. */
  metric(sample: string): Promise<number>;
  remove(): Promise<void>;
}

export interface DatabaseUnderTestOptions {
  readonly connections?: number;
  readonly acquireTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  readonly slowQueryMs?: number;
  readonly longHoldMs?: number;
}

/** A new, empty database of its own, which `remove` drops. */
export async function openDatabase(
  engine: Database['engine'],
  options: DatabaseUnderTestOptions = {},
): Promise<DatabaseUnderTest> {
  const { connections = 2, acquireTimeoutMs = 2_000, statementTimeoutMs = 30_000 } = options;
  const { slowQueryMs = 10_000, longHoldMs = 60_000 } = options;
  const place = engine === 'sqlite' ? await sqliteFile() : await postgresDatabase();
  const times = { acquireTimeoutMs, slowQueryMs, longHoldMs };
  const databaseOptions: DatabaseOptions =
    place.engine === 'sqlite'
      ? { engine: 'sqlite', file: place.file, readers: connections, ...times }
      : {
          engine: 'postgres',
          connectionString: place.connectionString,
          poolSize: connections,
          statementTimeoutMs,
          ...times,
        };
  const registry = new Registry();
  const warnings: Readonly<Record<string, unknown>>[] = [];
  const logger = { warn: (fields: Readonly<Record<string, unknown>>) => void warnings.push(fields) };
  const database = createDatabase(databaseOptions, { metrics: createDatabaseMetrics(registry), logger });
  return {
    options: databaseOptions,
    database,
    warnings,
    async metric(sample) {
      const line = (await registry.metrics()).split('\n').find((text) => text.startsWith(`${sample} `));
      if (line === undefined) throw new Error(`no sample ${sample}`);
      return Number(line.slice(sample.length));
    },
    async remove() {
      await database.close();
      await place.remove();
    },
  };
}

async function sqliteFile() {
  const directory = await mkdtemp(join(tmpdir(), 'ticketing-database-'));
  return {
    engine: 'sqlite',
    file: join(directory, 'ticketing.db'),
    remove: () => rm(directory, { recursive: true }),
  } as const;
}

async function postgresDatabase() {
  const name = `database_${randomUUID().replaceAll('-', '')}`;
  await administer(`create database ${name}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return {
    engine: 'postgres',
    connectionString: url.href,
    remove: () => administer(`drop database ${name} with (force)`),
  } as const;
}

/** One statement as the superuser, from outside the pool under test. */
async function administer(statement: string): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
