import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { inject } from 'vitest';

import { compose, type Overrides } from '../../src/compose.ts';
import { type Environment, parseConfig, secretsOf } from '../../src/config.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

export const token = 'canary-token-4c1d0a77';

export interface ServiceUnderTest {
  readonly api: string;
  readonly admin: string;
  /** 0: it has no API. */
  readonly apiPort: number;
  /** What has been logged so far. */
  readonly lines: readonly string[];
  /** A request with a JSON body and the token, unless `headers` say otherwise. */
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  stop(): Promise<void>;
}

/** The composed service in this process on free ports; on a SQLite file of its own unless told otherwise. */
export async function startService(environment: Environment = {}, overrides?: Overrides): Promise<ServiceUnderTest> {
  const directory = mkdtempSync(join(tmpdir(), 'ticketing-service-'));
  const config = parseConfig({
    PORT: '0',
    ADMIN_PORT: '0',
    API_TOKEN: token,
    DATABASE_URL: `sqlite:${join(directory, 'ticketing.db')}`,
    DATABASE_POOL_SIZE: '1',
    COMMIT: 'commit-under-test',
    ...environment,
  });
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level: config.logLevel, secrets: secretsOf(config) }, destination);
  const service = compose(config, logger, overrides);
  const { apiPort = 0, adminPort } = await service.start();
  const api = `http://127.0.0.1:${apiPort}`;
  return {
    api,
    admin: `http://127.0.0.1:${adminPort}`,
    apiPort,
    lines,
    send: (method, path, body, headers = {}) =>
      fetch(`${api}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    async stop() {
      await service.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

/** The answer's JSON, in the shape that the test goes on to check. */
export async function bodyOf<Body>(response: Response): Promise<Body> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a wrong shape fails the test that reads it
  return (await response.json()) as Body;
}

/** A new, empty database on the test run's PostgreSQL. */
export async function createPostgresDatabase(): Promise<string> {
  const name = `http_${randomUUID().replaceAll('-', '')}`;
  const admin = new Client({ connectionString: inject('postgresUrl') });
  await admin.connect();
  await admin.query(`create database ${name}`);
  await admin.end();
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

export const hamlet = {
  title: 'Hamlet',
  introduction: 'A play.\nIn five acts.',
  genre: 'play',
  period: { from: '2027-01-01', to: '2027-03-31' },
  prices: [
    { grade: 'VIP', amount: 120_000 },
    { grade: 'R', amount: 80_000 },
  ],
};

export const seatingPlan = {
  floors: [
    {
      name: '1F',
      sections: [
        { name: 'A', grade: 'VIP', blocks: [{ rows: { from: 1, to: 10 }, seats: { from: 1, to: 20 } }] },
        { name: 'B', grade: 'R', blocks: [{ rows: { from: 11, to: 20 }, seats: { from: 1, to: 30 } }] },
      ],
    },
  ],
};
