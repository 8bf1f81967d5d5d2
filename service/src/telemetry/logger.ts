import { type DestinationStream, type Logger, pino } from 'pino';

import { requestContext } from './request-context.ts';

export interface LoggerOptions {
  readonly level: string;
  /** Texts that no line may contain, wherever they come from: an error's message, a driver's detail. */
  readonly secrets: readonly string[];
}

/** Shorter ones are words that also stand for themselves; replacing them would only garble the log. */
const shortestSecret = 6;

/**
 * JSON lines with `event` and fields, and the request's id when there is one. Lines are written
 * synchronously: what was logged before a crash is there after it.
 */
export function createLogger({ level, secrets }: LoggerOptions, destination?: DestinationStream): Logger {
  const forbidden = secrets.flatMap((secret) =>
    secret.length < shortestSecret ? [] : [secret, JSON.stringify(secret).slice(1, -1)],
  );
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['authorization', '*.authorization', 'password', '*.password'], censor: '[redacted]' },
      // A copy: pino writes the line's own fields into it.
      mixin: () => ({ ...requestContext.getStore() }),
      hooks: {
        streamWrite: (line) => forbidden.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), line),
      },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
