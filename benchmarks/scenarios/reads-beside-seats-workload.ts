import { performanceWorkload } from './performance-workload.ts';

/**
 * The reads of the main page, without its writes, and beside them halls that get their seats: declared once, as
 * `performance-workload.ts` is. It imports siblings only, so that k6 and Node both load it.
 */
const { listShare, genres, cities, performances, showtimesPerPerformance, zipfExponent } = performanceWorkload;

export const readsBesideSeatsWorkload = {
  name: 'reads-beside-seats',
  listShare,
  genres,
  cities,
  performances,
  showtimesPerPerformance,
  zipfExponent,
  readsPerSecond: 300,
  /** Each for a hall of its own, made just before the load, with so many seats in its plan. */
  jobsPerSecond: 2,
  seatsPerJob: 10_000,
} as const;

/** Halls that a load of so many seconds may ask seats for. */
export function hallsForLoad(durationSeconds: number): number {
  return Math.ceil(durationSeconds * readsBesideSeatsWorkload.jobsPerSecond) + 1;
}
