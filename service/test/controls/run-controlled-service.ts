import type { Logger } from 'pino';
import { Registry } from 'prom-client';

import { compose, type Overrides } from '../../src/compose.ts';
import { type Config, parseConfig, readEnvironment, secretsOf } from '../../src/config.ts';
import { createDatabase } from '../../src/database/create-database.ts';
import { createDatabaseMetrics } from '../../src/database/database-metrics.ts';
import type { Database } from '../../src/database/database.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

/** What a control puts in the place of the real thing. */
export interface Alteration {
  /** Instead of what the environment says: for values that the service would refuse. */
  readonly config?: Config;
  readonly overrides?: Overrides;
}

/** The service as a process, from its own environment, altered. */
export async function runControlledService(
  control: string,
  alter: (config: Config, logger: Logger) => Alteration,
): Promise<void> {
  const fromEnvironment = parseConfig(readEnvironment());
  const logger = createLogger({ level: fromEnvironment.logLevel, secrets: secretsOf(fromEnvironment) });
  const { config = fromEnvironment, overrides } = alter(fromEnvironment, logger);
  const service = compose(config, logger, overrides);
  process.once('SIGTERM', () => void service.stop().then(() => process.exit(0)));
  logger.info({ event: 'listening', ...(await service.start()), control });
}

export interface SeatCreationControlParts {
  readonly redisUrl: string;
  /** The service's own, for stores to be made from. */
  readonly database: Database;
}

/** @throws when SEAT_CREATION is not `stream` */
export function runControlledSeatCreation(
  control: string,
  createOverrides: (parts: SeatCreationControlParts) => Overrides,
): Promise<void> {
  return runControlledService(control, ({ seatCreation, ...config }, logger) => {
    if (seatCreation.mode !== 'stream') {
      throw new Error(`SEAT_CREATION must be stream for ${control}, got ${seatCreation.mode}`);
    }
    const database = createDatabase(config.database, { metrics: createDatabaseMetrics(new Registry()), logger });
    return { overrides: { database, ...createOverrides({ redisUrl: seatCreation.redisUrl, database }) } };
  });
}
