import type { RunningVariant } from '../environments/environment.ts';
import { createHalls, createVenue } from '../faults/create-halls.ts';
import type { MicroContext } from './micro-figure.ts';

/** An interrupt waits for so many at most. */
const atOnce = 500;

/** Ids of new halls without seats, ascending and without a gap: nobody else makes halls in the meantime. */
export async function newHalls(
  service: RunningVariant,
  { count, seatsEach }: { readonly count: number; readonly seatsEach: number },
  { signal, step }: MicroContext,
): Promise<readonly number[]> {
  step(`creating ${count} halls`);
  const venueId = await createVenue(service);
  const ids: number[] = [];
  while (ids.length < count) {
    signal.throwIfAborted();
    ids.push(...(await createHalls(service, venueId, { count: Math.min(atOnce, count - ids.length), seatsEach })));
  }
  ids.sort((one, other) => one - other);
  const [first = Number.NaN, last = Number.NaN] = [ids[0], ids.at(-1)];
  if (last - first + 1 !== count) throw new Error(`${count} new halls have the ids from ${first} to ${last}`);
  return ids;
}
