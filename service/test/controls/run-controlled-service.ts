import { Registry } from 'prom-client';

import { compose, type Overrides } from '../../src/compose.ts';
import { parseConfig, readEnvironment, secretsOf } from '../../src/config.ts';
import { createDatabase } from '../../src/database/create-database.ts';
import { createDatabaseMetrics } from '../../src/database/database-metrics.ts';
import type { Database } from '../../src/database/database.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

export interface ControlParts {
  readonly redisUrl: string;
  /** The service's own, for stores to be made from. */
  readonly database: Database;
}

/**
 * The service as a process, from its own environment, with something else in the place of the real thing.
 *
 * @throws when SEAT_CREATION is not `stream`
 */
export async function runControlledService(
  control: string,
  createOverrides: (parts: ControlParts) => Overrides,
): Promise<void> {
  const config = parseConfig(readEnvironment());
  const { seatCreation } = config;
  if (seatCreation.mode !== 'stream') {
    throw new Error(`SEAT_CREATION must be stream for ${control}, got ${seatCreation.mode}`);
  }
  const logger = createLogger({ level: config.logLevel, secrets: secretsOf(config) });
  const database = createDatabase(config.database, { metrics: createDatabaseMetrics(new Registry()), logger });
  const overrides = createOverrides({ redisUrl: seatCreation.redisUrl, database });
  const service = compose(config, logger, { database, ...overrides });
  process.once('SIGTERM', () => void service.stop().then(() => process.exit(0)));
  logger.info({ event: 'listening', ...(await service.start()), control });
}
