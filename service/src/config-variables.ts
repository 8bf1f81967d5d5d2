import { z } from 'zod';

/** One environment variable of the service: how it is read, what it may be, and what the README says of it. */
export interface ConfigVariable {
  /** Reads the variable's text. A refusal is reported with `allowed`, so the schema's own messages are not used. */
  readonly schema: z.ZodType<unknown, string>;
  /** The values it may have, as they follow "must be". */
  readonly allowed: string;
  /** What stands for an absent variable; without it the variable has no value. */
  readonly fallback?: string;
  /** Has a `…_FILE` twin and its value appears in no message and no log. */
  readonly secret?: boolean;
  readonly about: string;
}

const grouped = (value: number): string => String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');

function wholeNumber(from: number, to: number, unit = '') {
  return {
    schema: z
      .string()
      .regex(/^\d{1,12}$/)
      .transform(Number)
      .pipe(z.number().min(from).max(to)),
    allowed: `a whole number ${unit && `of ${unit} `}from ${grouped(from)} to ${grouped(to)}`,
  };
}

const milliseconds = (from: number, to: number) => wholeNumber(from, to, 'milliseconds');

function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return { schema: z.enum(values), allowed: `one of ${values.join(', ')}` };
}

function hasProtocol(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol) && new URL(text).hostname !== '';
}

const host = { schema: z.string().regex(/^[\w.:-]+$/), allowed: 'an IP address or a host name to listen on' };

const sqliteUrl = z
  .string()
  .regex(/^sqlite:[^\0]+$/)
  .transform((url) => ({ engine: 'sqlite' as const, file: url.slice('sqlite:'.length) }));
const postgresUrl = z
  .string()
  .refine((url) => hasProtocol(url, ['postgres:', 'postgresql:']))
  .transform((url) => ({ engine: 'postgres' as const, connectionString: url }));

const redisUrl = {
  schema: z.string().refine((url) => hasProtocol(url, ['redis:', 'rediss:'])),
  allowed: 'redis://<host>:<port> or rediss://<user>:<password>@<host>:<port>',
  secret: true,
} as const;

/** Every variable that the service reads, in the order of the README's table. */
export const configVariables = {
  HOST: { ...host, fallback: '127.0.0.1', about: 'Address of the API' },
  PORT: { ...wholeNumber(0, 65_535), fallback: '3000', about: 'Port of the API; 0 takes any free one' },
  ADMIN_HOST: {
    ...host,
    fallback: '127.0.0.1',
    about: 'Address of the admin port, which tells much and asks for no token',
  },
  ADMIN_PORT: {
    ...wholeNumber(0, 65_535),
    fallback: '3001',
    about: 'Port of `/livez`, `/readyz` and `/metrics`; 0 takes any free one',
  },
  API_TOKEN: {
    schema: z.string().regex(/^(?=.{16,256}$)[\w.~+/-]+=*$/),
    allowed: '16 to 256 characters of A-Z a-z 0-9 - . _ ~ + / (then = signs), as RFC 6750 has them',
    secret: true,
    about: 'Bearer token of every write; needed wherever an API is served: only `ROLE=worker` has none',
  },
  DATABASE_URL: {
    schema: z.union([sqliteUrl, postgresUrl]),
    allowed: 'sqlite:<file> or postgres://<user>:<password>@<host>:<port>/<database>',
    fallback: 'sqlite:.data/ticketing.db',
    secret: true,
    about: 'The database; a SQLite file is relative to the working directory',
  },
  DATABASE_POOL_SIZE: {
    ...wholeNumber(1, 200),
    about: 'Connections that read (SQLite: worker threads beside the one writer); 10, with SQLite 4',
  },
  DATABASE_ACQUIRE_TIMEOUT_MS: {
    ...milliseconds(1, 60_000),
    fallback: '2000',
    about: 'How long a request may wait for a connection before it gets 503',
  },
  DATABASE_STATEMENT_TIMEOUT_MS: {
    ...milliseconds(1, 600_000),
    fallback: '30000',
    about: 'How long a statement may take before its request gets 503 (PostgreSQL; no migration)',
  },
  DATABASE_SLOW_QUERY_MS: {
    ...milliseconds(1, 600_000),
    fallback: '200',
    about: 'Queries that take longer are logged by name',
  },
  DATABASE_LONG_HOLD_MS: {
    ...milliseconds(1, 600_000),
    fallback: '1000',
    about: 'Connections that one transaction or query holds longer are logged by its name when they come back',
  },
  PERFORMANCE_CACHE: { ...oneOf(['off', 'look-aside']), fallback: 'off', about: 'Cache in front of performance reads' },
  REDIS_CACHE_URL: { ...redisUrl, about: "The cache's Redis; needed by `look-aside`" },
  PERFORMANCE_CACHE_TTL_MS: {
    ...milliseconds(100, 86_400_000),
    fallback: '30000',
    about: 'Lifetime of a cached answer, give or take 10 %',
  },
  PERFORMANCE_CACHE_NEGATIVE_TTL_MS: {
    ...milliseconds(100, 86_400_000),
    fallback: '5000',
    about: 'Lifetime of a cached "there is no such performance"',
  },
  PERFORMANCE_CACHE_COMMAND_TIMEOUT_MS: {
    ...milliseconds(1, 10_000),
    fallback: '200',
    about: 'How long Redis may take before the database serves instead',
  },
  PERFORMANCE_CACHE_LEASE_WAIT_MS: {
    ...milliseconds(0, 10_000),
    fallback: '300',
    about: "How long a miss waits for another process's load",
  },
  PERFORMANCE_CACHE_LEASE_TTL_MS: {
    ...milliseconds(100, 60_000),
    fallback: '5000',
    about: 'When the lease of a process that died is free again; longer than any load',
  },
  PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT: {
    ...wholeNumber(1, 200),
    about:
      'Loads that may be at the database at once, in this process: `DATABASE_POOL_SIZE` at most; that many with ' +
      'SQLite, and with PostgreSQL, whose writes have no connection of their own, 2 fewer and one less for each seat ' +
      'creation that may run in this process: `SEAT_CREATION_CONCURRENCY` of `async`, 1 of `stream` unless `ROLE=api`',
  },
  PERFORMANCE_CACHE_LOAD_QUEUE_TIMEOUT_MS: {
    ...milliseconds(1, 60_000),
    fallback: '1000',
    about: 'How long a load may wait for its turn before the reader gets 503',
  },
  ROLE: {
    ...oneOf(['all', 'api', 'worker']),
    fallback: 'all',
    about: 'What this process does: serve the API, take seat creations from the queue, or both',
  },
  SEAT_CREATION: {
    ...oneOf(['async', 'stream']),
    fallback: 'async',
    about: 'Where accepted seat creations wait: in this process, or in a Redis stream',
  },
  REDIS_QUEUE_URL: {
    ...redisUrl,
    about: "The queue's Redis, with `appendfsync always` and `noeviction`; needed by `stream`",
  },
  SEAT_CREATION_BACKLOG_LIMIT: {
    ...wholeNumber(1, 10_000_000),
    fallback: '100000',
    about: 'Accepted jobs that are not done; beyond it 503',
  },
  SEAT_CREATION_CONCURRENCY: {
    ...wholeNumber(1, 64),
    fallback: '4',
    about: 'Of `async`: jobs that run at the same time',
  },
  SEAT_CREATION_MIN_IDLE_MS: {
    ...milliseconds(300, 600_000),
    fallback: '15000',
    about: 'Of `stream`: without a sign of life for so long, a consumer loses what it holds to the others',
  },
  LOG_LEVEL: {
    ...oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    fallback: 'info',
    about: 'At `debug` every request has a line',
  },
  REQUEST_TIMEOUT_MS: {
    ...milliseconds(100, 600_000),
    fallback: '15000',
    about: 'How long a client may take to send its request',
  },
  SHUTDOWN_DRAIN_MS: {
    ...milliseconds(0, 60_000),
    fallback: '0',
    about: 'How long the API takes requests after SIGTERM, not ready any more: until a proxy has noticed',
  },
  SHUTDOWN_GRACE_MS: {
    ...milliseconds(0, 600_000),
    fallback: '10000',
    about: 'How long requests in flight may take after that',
  },
  COMMIT: {
    schema: z.string().regex(/^[\w.-]{1,64}$/),
    allowed: '1 to 64 characters of A-Z a-z 0-9 - . _',
    about: 'What `/version` says; without it git is asked',
  },
} satisfies Record<string, ConfigVariable>;

export type ConfigVariableName = keyof typeof configVariables;
export type ConfigValues = {
  readonly [Name in ConfigVariableName]:
    | z.output<(typeof configVariables)[Name]['schema']>
    | ((typeof configVariables)[Name] extends { readonly fallback: string } ? never : undefined);
};

/** A variable that begins with one of these and is nearly one of ours is a slip of the pen, and refused. */
export const ownPrefixes = [
  'ADMIN_',
  'API_',
  'DATABASE_',
  'PERFORMANCE_',
  'REDIS_CACHE_',
  'REDIS_QUEUE_',
  'SEAT_',
  'SHUTDOWN_',
  'REQUEST_',
] as const;
