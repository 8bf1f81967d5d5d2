import type { Redis } from 'ioredis';

import type { ConsumerSteps } from '../../src/seat-creation/consumer-steps.ts';
import { deadLettersKey, groupName, streamKey } from '../../src/seat-creation/stream-keys.ts';

/** Wrong on purpose: acknowledges and writes the letter in one MULTI, whoever has acknowledged before. */
export function withTransactionalDeadLetter(steps: ConsumerSteps, client: Redis): ConsumerSteps {
  return {
    ...steps,
    async deadLetter({ entryId }, { failure }) {
      await client
        .multi()
        .xack(streamKey, groupName, entryId)
        .xadd(deadLettersKey, '*', 'reason', failure.reason, 'message', failure.message, 'entry', entryId)
        .exec();
      return 'moved';
    },
  };
}
