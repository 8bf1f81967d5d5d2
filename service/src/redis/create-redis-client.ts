import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import type { Logger } from 'pino';

/** What a connection is for. Each role has its own connection and its own set of options in `optionsByRole`. */
export type RedisRole = 'cache' | 'publish' | 'read' | 'acknowledge';

export interface RedisClientOptions {
  readonly role: RedisRole;
  /** `redis://[user:password@]host:port[/database]`, or `rediss://` for TLS. */
  readonly url: string;
  /**
   * How long a command may take; of `read`, which blocks, how long the server may be silent while it owes an answer.
   * A command that timed out may still be carried out by the server.
   */
  readonly commandTimeoutMs: number;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** Uniform in [0, 1), for the jitter of reconnects. */
  readonly random?: () => number;
}

const connectTimeoutMs = 1_000;
/** Of a server that is loading its file: its own estimate, in whole seconds, would let it wait for us when it is ready. */
const loadingLookMs = 250;
const firstReconnectMs = 50;
/** A cache that is away is missed by nobody; the queue has to be in use again soon after it is back. */
const longestReconnectMsByRole: Record<RedisRole, number> = {
  cache: 2_000,
  publish: 500,
  read: 500,
  acknowledge: 500,
};

/** Doubles from 50 ms, and takes a random half to the whole of it, so that processes don't return in step. */
export function reconnectDelayMs(attempt: number, longestReconnectMs: number, random: () => number): number {
  const ceilingMs = Math.min(firstReconnectMs * 2 ** (attempt - 1), longestReconnectMs);
  return Math.round(ceilingMs * (0.5 + random() / 2));
}

/**
 * Fail fast, and never send a command twice. With ioredis 6, `maxRetriesPerRequest: 1` leaves what was in flight
 * unsettled until a second connection is lost, or its timeout: 0 rejects it with the first.
 */
const failFast = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableAutoPipelining: false,
} as const;

/** A command without an answer in time has an unknown end, and so has whatever is behind it on the connection. */
const answerOrLeave = (commandTimeoutMs: number) => ({
  ...failFast,
  commandTimeout: commandTimeoutMs,
  socketTimeout: commandTimeoutMs,
});

const optionsByRole: Record<RedisRole, (commandTimeoutMs: number) => Omit<RedisOptions, 'replyMapping'>> = {
  // `socketTimeout` gives up a connection whose server hangs, and with it the queue of its commands.
  cache: (commandTimeoutMs) => ({
    ...failFast,
    commandTimeout: commandTimeoutMs,
    socketTimeout: 10 * commandTimeoutMs,
  }),
  publish: answerOrLeave,
  acknowledge: answerOrLeave,
  // `commandTimeout` would end a BLOCK and leave its connection waiting: the silence of the socket is what counts.
  read: (commandTimeoutMs) => ({ ...failFast, socketTimeout: commandTimeoutMs }),
};

/**
 * A connection that reconnects for ever, with backoff. Its errors reach whoever sent the command; losing and
 * regaining the server is logged once each. End it with `disconnect()`.
 */
export function createRedisClient(options: RedisClientOptions): Redis {
  const { role, url, commandTimeoutMs, logger, random = Math.random } = options;
  const client = new Redis(url, {
    ...optionsByRole[role](commandTimeoutMs),
    protocol: 3,
    connectionName: role,
    connectTimeout: connectTimeoutMs,
    maxLoadingRetryTime: loadingLookMs,
    retryStrategy: (attempt) => reconnectDelayMs(attempt, longestReconnectMsByRole[role], random),
  });
  logStateChanges(client, role, logger);
  return client;
}

function logStateChanges(client: Redis, role: RedisRole, logger: RedisClientOptions['logger']): void {
  let connected: boolean | undefined;
  let lastError: Error | undefined;
  client.on('error', (error: Error) => {
    lastError = error;
  });
  client.on('ready', () => {
    connected = true;
    lastError = undefined;
    logger.info({ event: 'redis-connected', role }, 'Redis is connected');
  });
  client.on('reconnecting', () => {
    if (connected === false) return;
    connected = false;
    logger.warn({ event: 'redis-disconnected', role, err: lastError }, 'Redis is out of reach');
  });
}
