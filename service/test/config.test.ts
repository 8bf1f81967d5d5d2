import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { withConfigTable } from '../src/config-table.ts';
import { configVariables } from '../src/config-variables.ts';
import {
  ConfigError,
  type Environment,
  parseConfig,
  parseDatabaseConfig,
  parseSeatCreationConfig,
  readEnvironment,
  secretsOf,
} from '../src/config.ts';

const token = 'a-token-of-thirty-characters-x';
const smallest: Environment = { API_TOKEN: token };
const onPostgres: Environment = { DATABASE_URL: 'postgres://127.0.0.1/ticketing' };

function problemsOf(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const problemsWith = (environment: Environment) => problemsOf(() => parseConfig({ ...smallest, ...environment }));

describe('parseConfig', () => {
  it('needs nothing but a token, and then serves from SQLite without a cache', () => {
    const config = parseConfig(smallest);
    expect(config.database).toMatchObject({ engine: 'sqlite', file: '.data/ticketing.db' });
    expect(config.performanceCache).toEqual({ mode: 'off' });
    expect(config.api).toEqual({ host: '127.0.0.1', port: 3000, token });
  });

  it('reads every variable of the look-aside variant on PostgreSQL', () => {
    const config = parseConfig({
      ...smallest,
      DATABASE_URL: 'postgres://lab:pass@127.0.0.1:5432/ticketing',
      DATABASE_POOL_SIZE: '7',
      PERFORMANCE_CACHE: 'look-aside',
      REDIS_CACHE_URL: 'redis://127.0.0.1:6379',
      PERFORMANCE_CACHE_TTL_MS: '3000',
    });
    expect(config.database).toMatchObject({ engine: 'postgres', poolSize: 7 });
    expect(config.performanceCache).toMatchObject({ mode: 'look-aside', ttlMs: 3_000, negativeTtlMs: 5_000 });
  });

  it.each([
    [{}, 4],
    [{ DATABASE_POOL_SIZE: '7' }, 7],
    [onPostgres, 4],
    [{ ...onPostgres, SEAT_CREATION_CONCURRENCY: '1' }, 7],
    [{ ...onPostgres, SEAT_CREATION: 'stream', SEAT_CREATION_CONCURRENCY: '64' }, 7],
    [{ ...onPostgres, SEAT_CREATION: 'stream', ROLE: 'api' }, 8],
    [{ ...onPostgres, DATABASE_POOL_SIZE: '1' }, 1],
    [{ PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT: '3' }, 3],
    [{ ...onPostgres, PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT: '10' }, 10],
  ])('lets through the loads that %j leaves connections for: %i', (environment, maxLoadsInFlight) => {
    const redis = { REDIS_CACHE_URL: 'redis://127.0.0.1:6379', REDIS_QUEUE_URL: 'redis://127.0.0.1:6380' };
    const config = parseConfig({ ...smallest, PERFORMANCE_CACHE: 'look-aside', ...redis, ...environment });
    expect(config.performanceCache).toMatchObject({ maxLoadsInFlight });
  });

  it('reads the stream variant of seat creation, and the role of its process', () => {
    const redisUrl = 'redis://:pass@127.0.0.1:6380';
    const config = parseConfig({ ...smallest, SEAT_CREATION: 'stream', ROLE: 'worker', REDIS_QUEUE_URL: redisUrl });
    expect(config.role).toBe('worker');
    expect(config.seatCreation).toEqual({
      mode: 'stream',
      redisUrl,
      role: 'worker',
      backlogLimit: 100_000,
      minIdleMs: 15_000,
    });
    expect(secretsOf(config)).toContain(redisUrl);
    expect(parseConfig(smallest).seatCreation).toEqual({ mode: 'async', concurrency: 4, backlogLimit: 100_000 });
  });

  it('counts an empty variable as absent', () => {
    expect(problemsWith({ PORT: '', COMMIT: '' })).toEqual([]);
    expect(problemsOf(() => parseConfig({ API_TOKEN: '' }))).toHaveLength(1);
  });

  it.each([
    [{ PERFORMANCE_CACHE: 'maybe' }, 'PERFORMANCE_CACHE must be one of off, look-aside, got "maybe"'],
    [{ PORT: '80a' }, 'PORT must be a whole number from 0 to 65,535, got "80a"'],
    [{ PORT: '65536' }, 'PORT must be a whole number from 0 to 65,535, got "65536"'],
    [{ ADMIN_PORT: '-1' }, 'ADMIN_PORT must be a whole number from 0 to 65,535, got "-1"'],
    [
      { PERFORMANCE_CACHE_TTL_MS: '5s' },
      'PERFORMANCE_CACHE_TTL_MS must be a whole number of milliseconds from 100 to 86,400,000, got "5s"',
    ],
    [
      { PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT: '5' },
      'PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT must be at most DATABASE_POOL_SIZE, which is 4, got 5',
    ],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, got "loud"'],
    [{ HOST: 'a host' }, 'HOST must be an IP address or a host name to listen on, got "a host"'],
    [{ COMMIT: '$(rm)' }, 'COMMIT must be 1 to 64 characters of A-Z a-z 0-9 - . _, got "$(rm)"'],
    [
      { PERFORMANCE_CACHE: 'look-aside' },
      'REDIS_CACHE_URL is missing: PERFORMANCE_CACHE=look-aside needs it to be ' +
        'redis://<host>:<port> or rediss://<user>:<password>@<host>:<port>',
    ],
    [
      { SEAT_CREATION: 'stream' },
      'REDIS_QUEUE_URL is missing: SEAT_CREATION=stream needs it to be ' +
        'redis://<host>:<port> or rediss://<user>:<password>@<host>:<port>',
    ],
    [
      { ROLE: 'worker' },
      'ROLE must be all or api with SEAT_CREATION=async, got "worker": its jobs never leave their process',
    ],
    [{ ROLE: 'apis' }, 'ROLE must be one of all, api, worker, got "apis"'],
    [
      { PERFORMANCE_CACHE_TTL: '5000' },
      'PERFORMANCE_CACHE_TTL is not a variable of the service: did you mean PERFORMANCE_CACHE_TTL_MS?',
    ],
    [
      { DATABASE_POOLSIZE: '4' },
      'DATABASE_POOLSIZE is not a variable of the service: did you mean DATABASE_POOL_SIZE?',
    ],
    [{ API_TOKEN_FILES: 'x' }, 'API_TOKEN_FILES is not a variable of the service: did you mean API_TOKEN_FILE?'],
  ])('says of %j: %s', (environment, message) => {
    expect(problemsWith(environment)).toEqual([message]);
  });

  it.each(['all', 'api'])('names the missing token and what it must be with ROLE=%s', (role) => {
    expect(problemsOf(() => parseConfig({ ROLE: role }))).toEqual([
      expect.stringMatching(new RegExp(`^API_TOKEN is missing: ROLE=${role} needs it to be 16 to`)),
    ]);
  });

  it('needs no token for a worker, which serves no API, and refuses a bad one all the same', () => {
    const worker = { ROLE: 'worker', SEAT_CREATION: 'stream', REDIS_QUEUE_URL: 'redis://127.0.0.1:6380' };
    expect(parseConfig(worker).api).toBeUndefined();
    expect(problemsOf(() => parseConfig({ ...worker, API_TOKEN: 'short' }))).toHaveLength(1);
  });

  it.each([
    { API_TOKEN: 'canary-7d1f' },
    { API_TOKEN: 'canary-7d1f canary-7d1f' },
    { DATABASE_URL: 'mysql://lab:canary-7d1f@127.0.0.1/ticketing' },
    { DATABASE_URL: 'postgres://lab:canary-7d1f@' },
    { REDIS_CACHE_URL: 'http://:canary-7d1f@127.0.0.1' },
    { REDIS_QUEUE_URL: 'http://:canary-7d1f@127.0.0.1' },
  ])('names the variable and not the secret: %j', (environment) => {
    const problems = problemsWith(environment);
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${Object.keys(environment)[0]} must be `))]);
    expect(problems.join()).not.toContain('canary');
  });

  it('names all problems at once', () => {
    expect(problemsWith({ PORT: 'x', LOG_LEVEL: 'y', DATABASE_URI: 'z', PERFORMANCE_CACHE: 'maybe' })).toHaveLength(4);
  });

  it('leaves foreign variables alone', () => {
    expect(problemsWith({ PATH: '/bin', DATABASE: 'sqlite', REDIS_QUEUE_URL: 'redis://127.0.0.1:1' })).toEqual([]);
  });

  it.each(['api', 'database', 'redis-cache', 'redis-queue', 'performance-cache', 'seat-creation', 'admin'])(
    'leaves alone what Kubernetes tells of a service called %s',
    (service) => {
      const prefix = service.toUpperCase().replace('-', '_');
      const names = ['SERVICE_HOST', 'SERVICE_PORT', 'SERVICE_PORT_HTTP', 'PORT_5432_TCP_ADDR'];
      if (service !== 'admin') names.push('PORT');
      expect(
        problemsWith(Object.fromEntries(names.map((name) => [`${prefix}_${name}`, 'tcp://10.0.0.1:5432']))),
      ).toEqual([]);
    },
  );

  it('listens for the admin on its own address', () => {
    expect(parseConfig({ ...smallest, HOST: '0.0.0.0' }).admin.host).toBe('127.0.0.1');
    expect(parseConfig({ ...smallest, ADMIN_HOST: '::1' })).toMatchObject({
      api: { host: '127.0.0.1' },
      admin: { host: '::1' },
    });
  });
});

describe('parseDatabaseConfig', () => {
  it('needs no token, and gives what parseConfig gives', () => {
    const environment = { DATABASE_URL: 'postgres://127.0.0.1/ticketing', DATABASE_POOL_SIZE: '7', PORT: 'x' };
    expect(parseDatabaseConfig(environment)).toEqual(parseConfig({ ...smallest, ...environment, PORT: '0' }).database);
    expect(parseDatabaseConfig({})).toEqual(parseConfig(smallest).database);
  });

  it('refuses a variable of the database as parseConfig does', () => {
    const environment = { DATABASE_POOL_SIZE: 'many', DATABASE_ACQUIRE_TIMEOUT: '1' };
    const problems = problemsOf(() => parseDatabaseConfig(environment));
    expect(problems).toHaveLength(2);
    expect(problems).toEqual(problemsWith(environment));
  });
});

describe('parseSeatCreationConfig', () => {
  const stream = { SEAT_CREATION: 'stream', REDIS_QUEUE_URL: 'redis://127.0.0.1:6380' };

  it('needs no token, and gives what parseConfig gives', () => {
    expect(parseSeatCreationConfig({ ...stream, PORT: 'x' })).toEqual(
      parseConfig({ ...smallest, ...stream }).seatCreation,
    );
  });

  it.each([
    { ...stream, REDIS_QUEUE_URL: '' },
    { ...stream, SEAT_CREATION_BACKLOG_LIMIT: 'x' },
    { ...stream, SEAT_CREATION_BACKLOG: '1' },
  ])('refuses a variable of seat creation as parseConfig does: %j', (environment) => {
    const problems = problemsOf(() => parseSeatCreationConfig(environment));
    expect(problems).toHaveLength(1);
    expect(problems).toEqual(problemsWith(environment));
  });
});

describe('readEnvironment', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'ticketing-config-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('takes a secret from its file, without the newline at its end', () => {
    const file = join(directory, 'token');
    writeFileSync(file, `${token}\n`);
    const environment = readEnvironment({ API_TOKEN_FILE: file });
    expect(parseConfig(environment).api?.token).toBe(token);
  });

  it('refuses a secret that is given twice', () => {
    expect(problemsOf(() => readEnvironment({ API_TOKEN: token, API_TOKEN_FILE: '/run/token' }))).toEqual([
      'API_TOKEN and API_TOKEN_FILE are both set: keep one of them',
    ]);
  });

  it('names the variable and the path of a file that cannot be read', () => {
    const file = join(directory, 'absent');
    expect(problemsOf(() => readEnvironment({ DATABASE_URL_FILE: file }))).toEqual([
      expect.stringContaining(`DATABASE_URL_FILE names "${file}", which can't be read: Error: ENOENT`),
    ]);
  });

  it('asks git for the commit, unless COMMIT says it', () => {
    expect(readEnvironment({ PATH: process.env['PATH'] })['COMMIT']).toMatch(/^[0-9a-f]{40}$/);
    expect(readEnvironment({ COMMIT: 'given' })['COMMIT']).toBe('given');
  });
});

it('knows every secret of a configuration, as it is and decoded', () => {
  const config = parseConfig({
    ...smallest,
    DATABASE_URL: 'postgres://lab:p%40ssword-1@127.0.0.1/ticketing?password=of%2Fthe-query',
    PERFORMANCE_CACHE: 'look-aside',
    REDIS_CACHE_URL: 'redis://:other-password@127.0.0.1?password=of-the-other-query',
  });
  expect(secretsOf(config)).toEqual(
    expect.arrayContaining([
      token,
      'p%40ssword-1',
      'p@ssword-1',
      'of/the-query',
      'other-password',
      'of-the-other-query',
    ]),
  );
});

describe('the table in service/README.md', () => {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

  it('is what `node service/src/config-table.ts` writes', () => {
    expect(withConfigTable(text)).toBe(text);
  });

  it('is out of date when a default in it is another', () => {
    const stale = text.replace('`3000`', '`3999`');
    expect(stale).not.toBe(text);
    expect(withConfigTable(stale)).toBe(text);
  });

  it('names every variable', () => {
    for (const name of Object.keys(configVariables)) expect(text).toContain(`| \`${name}\``);
  });
});
