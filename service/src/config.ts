import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { unescape } from 'node:querystring';

import {
  type ConfigValues,
  type ConfigVariable,
  type ConfigVariableName,
  configVariables,
} from './config-variables.ts';
import type { DatabaseOptions } from './database/database.ts';
import { misspelledVariables } from './misspelled-variables.ts';
import type { PerformanceCacheOptions } from './performance-cache/performance-cache.ts';
import type { SeatCreationOptions } from './seat-creation/create-seat-creation.ts';

export interface Config {
  readonly role: ConfigValues['ROLE'];
  /** `undefined`: a worker has none. */
  readonly api: { readonly host: string; readonly port: number; readonly token: string } | undefined;
  readonly admin: { readonly host: string; readonly port: number };
  readonly requestTimeoutMs: number;
  readonly database: DatabaseOptions;
  readonly performanceCache: PerformanceCacheOptions;
  readonly seatCreation: SeatCreationOptions;
  readonly logLevel: ConfigValues['LOG_LEVEL'];
  /** Between SIGTERM and the end of listening; `shutdownGraceMs` begins after it. */
  readonly shutdownDrainMs: number;
  readonly shutdownGraceMs: number;
  /** `undefined`: nobody knows. */
  readonly commit: string | undefined;
}

/** Variable names and their texts. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration can't be used. Each of `problems` names its variable and the remedy, and no secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const variables: readonly (readonly [string, ConfigVariable])[] = Object.entries(configVariables);

/**
 * The process's environment with every `…_FILE` twin replaced by its file's text, without the newline at its
 * end, and `COMMIT` from git when nobody gave it: the only reader of `process.env`. Throws `ConfigError` when
 * a twin can't be read or both are set.
 */
export function readEnvironment(processEnvironment: Environment = process.env): Environment {
  const environment = { ...processEnvironment };
  const problems: string[] = [];
  for (const [name, { secret }] of variables) {
    const path = environment[`${name}_FILE`];
    if (!secret || !path) continue;
    delete environment[`${name}_FILE`];
    if (environment[name]) {
      problems.push(`${name} and ${name}_FILE are both set: keep one of them`);
      continue;
    }
    try {
      environment[name] = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      problems.push(`${name}_FILE names "${path}", which can't be read: ${String(error)}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...environment, COMMIT: environment['COMMIT'] || gitCommit() };
}

/** `undefined` where there is no git or no repository: an image is given COMMIT when it is built. */
function gitCommit(): string | undefined {
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** Pure. Throws `ConfigError` with everything that is wrong. An empty variable counts as absent. */
export function parseConfig(environment: Environment): Config {
  const { values, problems } = parseVariables(environment, variables);
  if (values.ROLE === 'all' || values.ROLE === 'api')
    problems.push(...missing(environment, 'API_TOKEN', `ROLE=${values.ROLE}`));
  if (values.PERFORMANCE_CACHE === 'look-aside')
    problems.push(...missing(environment, 'REDIS_CACHE_URL', 'PERFORMANCE_CACHE=look-aside'));
  problems.push(...unfitSeatCreation(environment, values), ...loadsBeyondThePool(values));
  if (problems.length > 0) throw new ConfigError(problems);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing with a fallback is missing
  return group(values as ConfigValues);
}

/** A variable that is needed only `because` of another one. */
function missing(environment: Environment, name: ConfigVariableName, because: string): string[] {
  return environment[name] ? [] : [`${name} is missing: ${because} needs it to be ${configVariables[name].allowed}`];
}

function unfitSeatCreation(environment: Environment, { SEAT_CREATION, ROLE }: Partial<ConfigValues>): string[] {
  if (SEAT_CREATION === 'stream') return missing(environment, 'REDIS_QUEUE_URL', 'SEAT_CREATION=stream');
  return SEAT_CREATION === 'async' && ROLE === 'worker'
    ? ['ROLE must be all or api with SEAT_CREATION=async, got "worker": its jobs never leave their process']
    : [];
}

type DatabaseValues = Pick<ConfigValues, Extract<keyof ConfigValues, `DATABASE_${string}`>>;
type SeatCreationValues = Pick<
  ConfigValues,
  'ROLE' | 'REDIS_QUEUE_URL' | Extract<keyof ConfigValues, `SEAT_CREATION${string}`>
>;

/** What `parseConfig` makes of the DATABASE_ variables, for programs that need nothing else. */
export function parseDatabaseConfig(environment: Environment): DatabaseOptions {
  const ofTheDatabase = variables.filter(([name]) => name.startsWith('DATABASE_'));
  const { values, problems } = parseVariables(environment, ofTheDatabase);
  if (problems.length > 0) throw new ConfigError(problems);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as in parseConfig
  return databaseOptions(values as DatabaseValues);
}

/** What `parseConfig` makes of the variables of seat creation, for programs that need nothing else. */
export function parseSeatCreationConfig(environment: Environment): SeatCreationOptions {
  const ofSeatCreation = variables.filter(
    ([name]) => name === 'ROLE' || name === 'REDIS_QUEUE_URL' || name.startsWith('SEAT_CREATION'),
  );
  const { values, problems } = parseVariables(environment, ofSeatCreation);
  problems.push(...unfitSeatCreation(environment, values));
  if (problems.length > 0) throw new ConfigError(problems);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as in parseConfig
  return seatCreationOptions(values as SeatCreationValues);
}

function parseVariables(
  environment: Environment,
  wanted: typeof variables,
): { readonly values: Partial<ConfigValues>; readonly problems: string[] } {
  const problems = misspelledVariables(environment);
  const values: Record<string, unknown> = {};
  for (const [name, variable] of wanted) {
    const text = environment[name] || variable.fallback;
    if (text === undefined) continue;
    const parsed = variable.schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${name} must be ${variable.allowed}${variable.secret ? '' : `, got ${JSON.stringify(text)}`}`);
  }
  // Each entry was made by the schema of its name.
  return { values, problems };
}

function group(values: ConfigValues): Config {
  return {
    role: values.ROLE,
    api:
      values.ROLE === 'worker' || values.API_TOKEN === undefined
        ? undefined
        : { host: values.HOST, port: values.PORT, token: values.API_TOKEN },
    admin: { host: values.ADMIN_HOST, port: values.ADMIN_PORT },
    requestTimeoutMs: values.REQUEST_TIMEOUT_MS,
    database: databaseOptions(values),
    performanceCache: performanceCacheOptions(values),
    seatCreation: seatCreationOptions(values),
    logLevel: values.LOG_LEVEL,
    shutdownDrainMs: values.SHUTDOWN_DRAIN_MS,
    shutdownGraceMs: values.SHUTDOWN_GRACE_MS,
    commit: values.COMMIT,
  };
}

const defaultPoolSize = { sqlite: 4, postgres: 10 } as const;
/** Of PostgreSQL, where nobody says otherwise: what the loads leave to requests that write and to the readiness ping. */
const connectionsBesideLoads = 2;

function poolSizeOf(values: Pick<ConfigValues, 'DATABASE_URL' | 'DATABASE_POOL_SIZE'>): number {
  return values.DATABASE_POOL_SIZE ?? defaultPoolSize[values.DATABASE_URL.engine];
}

function databaseOptions(values: DatabaseValues): DatabaseOptions {
  const times = {
    acquireTimeoutMs: values.DATABASE_ACQUIRE_TIMEOUT_MS,
    slowQueryMs: values.DATABASE_SLOW_QUERY_MS,
    longHoldMs: values.DATABASE_LONG_HOLD_MS,
  };
  const poolSize = poolSizeOf(values);
  return values.DATABASE_URL.engine === 'sqlite'
    ? { ...values.DATABASE_URL, readers: poolSize, ...times }
    : { ...values.DATABASE_URL, poolSize, statementTimeoutMs: values.DATABASE_STATEMENT_TIMEOUT_MS, ...times };
}

function fittingLoads(values: ConfigValues): number {
  const poolSize = poolSizeOf(values);
  // SQLite's one writer is apart from the pool.
  if (values.DATABASE_URL.engine === 'sqlite') return poolSize;
  return Math.max(1, poolSize - connectionsBesideLoads - connectionsOfJobs(values));
}

/** Each seat creation that this process works on keeps a connection for as long as its transaction takes. */
function connectionsOfJobs({ SEAT_CREATION, SEAT_CREATION_CONCURRENCY, ROLE }: ConfigValues): number {
  if (SEAT_CREATION === 'async') return SEAT_CREATION_CONCURRENCY;
  return ROLE === 'api' ? 0 : 1;
}

/** A load that the limit lets through and that then has no connection would wait twice. */
function loadsBeyondThePool({
  DATABASE_URL,
  DATABASE_POOL_SIZE,
  PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT: loads = 1,
}: Partial<ConfigValues>): string[] {
  const poolSize = DATABASE_URL ? poolSizeOf({ DATABASE_URL, DATABASE_POOL_SIZE }) : loads;
  return loads > poolSize
    ? [`PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT must be at most DATABASE_POOL_SIZE, which is ${poolSize}, got ${loads}`]
    : [];
}

function performanceCacheOptions(values: ConfigValues): PerformanceCacheOptions {
  if (values.PERFORMANCE_CACHE === 'off' || values.REDIS_CACHE_URL === undefined) return { mode: 'off' };
  return {
    mode: 'look-aside',
    redisUrl: values.REDIS_CACHE_URL,
    ttlMs: values.PERFORMANCE_CACHE_TTL_MS,
    negativeTtlMs: values.PERFORMANCE_CACHE_NEGATIVE_TTL_MS,
    commandTimeoutMs: values.PERFORMANCE_CACHE_COMMAND_TIMEOUT_MS,
    leaseWaitMs: values.PERFORMANCE_CACHE_LEASE_WAIT_MS,
    leaseTtlMs: values.PERFORMANCE_CACHE_LEASE_TTL_MS,
    maxLoadsInFlight: values.PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT ?? fittingLoads(values),
    loadQueueTimeoutMs: values.PERFORMANCE_CACHE_LOAD_QUEUE_TIMEOUT_MS,
  };
}

function seatCreationOptions(values: SeatCreationValues): SeatCreationOptions {
  const backlogLimit = values.SEAT_CREATION_BACKLOG_LIMIT;
  if (values.SEAT_CREATION === 'async' || values.REDIS_QUEUE_URL === undefined) {
    return { mode: 'async', concurrency: values.SEAT_CREATION_CONCURRENCY, backlogLimit };
  }
  return {
    mode: 'stream',
    redisUrl: values.REDIS_QUEUE_URL,
    role: values.ROLE,
    backlogLimit,
    minIdleMs: values.SEAT_CREATION_MIN_IDLE_MS,
  };
}

/** Every secret text of a configuration, whole URLs and the passwords in them: what no log line may contain. */
export function secretsOf(config: Config): readonly string[] {
  const urls = [
    config.database.engine === 'postgres' ? config.database.connectionString : undefined,
    config.performanceCache.mode === 'look-aside' ? config.performanceCache.redisUrl : undefined,
    config.seatCreation.mode === 'stream' ? config.seatCreation.redisUrl : undefined,
  ].filter((url) => url !== undefined);
  const passwords = urls
    .map((url) => new URL(url))
    .flatMap(({ password, searchParams }) => [password, ...searchParams.getAll('password')])
    .filter((password) => password !== '');
  return [...(config.api ? [config.api.token] : []), ...urls, ...passwords, ...passwords.map(unescape)];
}
