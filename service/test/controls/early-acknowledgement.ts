import { type ConsumerSteps, isJobDelivery } from '../../src/seat-creation/consumer-steps.ts';

/** Wrong on purpose: acknowledges what was read before anything is committed. A crash in between loses it. */
export function withEarlyAcknowledgement(steps: ConsumerSteps): ConsumerSteps {
  return {
    ...steps,
    async readNew(request) {
      const deliveries = await steps.readNew(request);
      await steps.acknowledge(deliveries.filter(isJobDelivery));
      return deliveries;
    },
    acknowledge: () => Promise.resolve(0),
  };
}
