import type { RunningVariant } from '../environments/environment.ts';
import { createHalls, createVenue } from '../faults/create-halls.ts';

/** Halls without seats whose ids follow one another, made in stock: a load takes as many as it asks seats for. */
export interface HallSupply {
  /** The first of `count` new ids. */
  take(variant: RunningVariant, count: number): Promise<number>;
}

/** @param stock how many are made at once, at least */
export function createHallSupply({
  seatsEach,
  stock,
}: {
  readonly seatsEach: number;
  readonly stock: number;
}): HallSupply {
  const supplies = new Map<string, { next: number; left: number }>();
  return {
    async take(variant, count) {
      // The database outlives the service, whose address changes with a restart.
      const key = variant.redisQueueUrl;
      let supply = supplies.get(key) ?? { next: 0, left: 0 };
      if (supply.left < count) supply = await makeHalls(variant, { count: Math.max(stock, count), seatsEach });
      supplies.set(key, { next: supply.next + count, left: supply.left - count });
      return supply.next;
    },
  };
}

async function makeHalls(
  variant: RunningVariant,
  halls: { readonly count: number; readonly seatsEach: number },
): Promise<{ next: number; left: number }> {
  const ids = await createHalls(variant, await createVenue(variant), halls);
  const [first, last] = [Math.min(...ids), Math.max(...ids)];
  if (last - first + 1 !== halls.count) {
    throw new Error(
      `${halls.count} halls of ${variant.id} have the ids ${first} to ${last}: somebody else makes halls`,
    );
  }
  return { next: first, left: halls.count };
}
