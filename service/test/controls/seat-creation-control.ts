import { Redis } from 'ioredis';

import type { Overrides } from '../../src/compose.ts';
import { withBareHeartbeat } from './bare-heartbeat.ts';
import { withEarlyAcknowledgement } from './early-acknowledgement.ts';
import { runControlledSeatCreation } from './run-controlled-service.ts';
import { withTransactionalDeadLetter } from './transactional-dead-letter.ts';

/**
 * The service with one step that is wrong on purpose:
 * `node service/test/controls/seat-creation-control.ts early-acknowledgement`, with the service's own environment.
 */
const controls: Readonly<Record<string, (redisUrl: string) => Overrides>> = {
  'early-acknowledgement': () => ({ decorateSteps: withEarlyAcknowledgement }),
  'bare-heartbeat': (redisUrl) => {
    const client = new Redis(redisUrl);
    return { decorateSteps: (steps, consumer) => withBareHeartbeat(steps, client, consumer) };
  },
  'transactional-dead-letter': (redisUrl) => {
    const client = new Redis(redisUrl);
    return { decorateSteps: (steps) => withTransactionalDeadLetter(steps, client) };
  },
  /** Promises whatever the server's settings are: `appendfsync everysec` answers 202. */
  'unchecked-durability': () => ({ findDurabilityProblems: () => Promise.resolve([]) }),
};

const name = process.argv[2] ?? '';
const createOverrides = controls[name];
if (!createOverrides) throw new Error(`there is no control "${name}": there are ${Object.keys(controls).join(', ')}`);
await runControlledSeatCreation(name, ({ redisUrl }) => createOverrides(redisUrl));
