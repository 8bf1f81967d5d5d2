import type { Redis } from 'ioredis';

import type { ConsumerSteps } from '../../src/seat-creation/consumer-steps.ts';
import { groupName, streamKey } from '../../src/seat-creation/stream-keys.ts';

/**
 * Wrong on purpose: the heartbeat that most programs have, which claims whatever it has once held. A zombie steals
 * back what has been taken over.
 */
export function withBareHeartbeat(steps: ConsumerSteps, client: Redis, consumer: string): ConsumerSteps {
  return {
    ...steps,
    async heartbeat(entryIds) {
      for (const entryId of entryIds) await client.xclaim(streamKey, groupName, consumer, 0, entryId, 'JUSTID');
      // The slot is kept as it should be.
      return steps.heartbeat([]);
    },
  };
}
