import type { JobDelivery } from './consumer-steps.ts';
import { targetName } from './stream-keys.ts';

/** As many as one hall may have: what one transaction writes is bounded whatever the batch. */
const seatsOfPack = 100_000;
/** Of a job that was accepted while the database could not be asked. */
const unknownSeats = 1_000;

/**
 * Deliveries as transactions, in order: no operation and no target twice in one, and not more seats than a large hall
 * has, unless one job has them alone. Within a pack halls come before showtimes, which need them.
 */
export function packJobs(deliveries: readonly JobDelivery[]): readonly (readonly JobDelivery[])[] {
  const packs: JobDelivery[][] = [];
  let names = new Set<string>();
  let seats = 0;
  for (const delivery of deliveries) {
    const { operationId, target, plannedSeats = unknownSeats } = delivery.content;
    const ownNames = [operationId, targetName(target)];
    const pack = packs.at(-1);
    if (pack && seats + plannedSeats <= seatsOfPack && !ownNames.some((name) => names.has(name))) {
      pack.push(delivery);
    } else {
      packs.push([delivery]);
      names = new Set();
      seats = 0;
    }
    for (const name of ownNames) names.add(name);
    seats += plannedSeats;
  }
  const isShowtime = ({ content }: JobDelivery): number => (content.target.kind === 'showtime' ? 1 : 0);
  return packs.map((pack) => pack.toSorted((a, b) => isShowtime(a) - isShowtime(b)));
}
