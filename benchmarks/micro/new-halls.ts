import type { RunningVariant } from '../environments/environment.ts';
import { createHalls, createVenue } from '../faults/create-halls.ts';

/** Ids of new halls without seats, ascending and without a gap: nobody else makes halls in the meantime. */
export async function newHalls(service: RunningVariant, count: number, seatsEach: number): Promise<readonly number[]> {
  const venueId = await createVenue(service);
  const ids = (await createHalls(service, venueId, { count, seatsEach })).toSorted((one, other) => one - other);
  const [first = Number.NaN, last = Number.NaN] = [ids[0], ids.at(-1)];
  if (last - first + 1 !== count) throw new Error(`${count} new halls have the ids from ${first} to ${last}`);
  return ids;
}
