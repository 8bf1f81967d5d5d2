import { Redis } from 'ioredis';

import { compose } from '../../src/compose.ts';
import { parseConfig, readEnvironment, secretsOf } from '../../src/config.ts';
import type { DecorateSteps } from '../../src/seat-creation/consumer-steps.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { withBareHeartbeat } from './bare-heartbeat.ts';
import { withEarlyAcknowledgement } from './early-acknowledgement.ts';
import { withTransactionalDeadLetter } from './transactional-dead-letter.ts';

/**
 * The service with one step that is wrong on purpose:
 * `node service/test/controls/seat-creation-control.ts early-acknowledgement`, with the service's own environment.
 */
const config = parseConfig(readEnvironment());
if (config.seatCreation.mode !== 'stream') throw new Error('a control of the stream needs SEAT_CREATION=stream');
const client = new Redis(config.seatCreation.redisUrl);
const controls: Readonly<Record<string, DecorateSteps>> = {
  'early-acknowledgement': withEarlyAcknowledgement,
  'bare-heartbeat': (steps, consumer) => withBareHeartbeat(steps, client, consumer),
  'transactional-dead-letter': (steps) => withTransactionalDeadLetter(steps, client),
};
const name = process.argv[2] ?? '';
const decorateSteps = controls[name];
if (!decorateSteps) throw new Error(`there is no control "${name}": there are ${Object.keys(controls).join(', ')}`);

const logger = createLogger({ level: config.logLevel, secrets: secretsOf(config) });
const service = compose(config, logger, { decorateSteps });
process.once('SIGTERM', () => {
  client.disconnect();
  void service.stop().then(() => process.exit(0));
});
logger.info({ event: 'listening', ...(await service.start()), control: name });
