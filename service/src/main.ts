import type { Logger } from 'pino';

import { compose, type Service } from './compose.ts';
import { type Config, ConfigError, parseConfig, readEnvironment, secretsOf } from './config.ts';
import { createLogger } from './telemetry/logger.ts';

/** EX_CONFIG of sysexits.h: starting again without a change is of no use. */
const badConfigurationStatus = 78;

function readConfig(): Config {
  try {
    return parseConfig(readEnvironment());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`The configuration can't be used:\n${error.problems.map((line) => `  ${line}\n`).join('')}`);
    return process.exit(badConfigurationStatus);
  }
}

/**
 * The first signal stops in order; a second one, or the end of the grace, stops at once. The answer says whether
 * there has been a signal.
 */
function stopOnSignals(
  service: Service,
  { shutdownDrainMs: drainMs, shutdownGraceMs: graceMs }: Config,
  logger: Logger,
): () => boolean {
  let stopping = false;
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (stopping) endNow(logger, { event: 'stopped-by-second-signal', signal });
    stopping = true;
    logger.info({ event: 'stopping', signal, drainMs, graceMs });
    setTimeout(() => endNow(logger, { event: 'shutdown-grace-over', graceMs }), drainMs + graceMs).unref();
    await service.stop();
    logger.info({ event: 'stopped' });
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop(signal).catch((error: unknown) => endNow(logger, { event: 'stop-failed', err: error }));
    });
  }
  return () => stopping;
}

function endNow(logger: Logger, line: { readonly event: string } & Readonly<Record<string, unknown>>): never {
  logger.fatal(line);
  process.exit(1);
}

const config = readConfig();
const logger = createLogger({ level: config.logLevel, secrets: secretsOf(config) });
process.on('uncaughtException', (error) => endNow(logger, { event: 'uncaught-exception', err: error }));
process.on('unhandledRejection', (reason) => endNow(logger, { event: 'unhandled-rejection', err: reason }));

const service = compose(config, logger);
const isStopping = stopOnSignals(service, config, logger);
try {
  const ports = await service.start();
  logger.info({
    event: 'listening',
    ...ports,
    host: config.api?.host,
    commit: config.commit ?? 'unknown',
    database: config.database.engine,
    performanceCache: config.performanceCache.mode,
    role: config.role,
    seatCreation: config.seatCreation.mode,
  });
} catch (error) {
  // A start that is stopped half-way fails as well, at whatever was closed under it.
  if (!isStopping()) endNow(logger, { event: 'start-failed', err: error });
}
