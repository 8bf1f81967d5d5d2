import { seededUniforms } from './seeded-uniforms.ts';

/**
 * What users of the main page do, declared once: k6 runs it, the hit ratio is predicted from it, and it is
 * committed with every run. It imports siblings only, so that k6 and Node both load it.
 */
export const performanceWorkload = {
  name: 'main-page',
  /** Shares of the reads. The rest are details. */
  listShare: 0.8,
  genres: ['musical', 'concert', 'play', 'classical', 'opera', 'dance', 'family', 'exhibition'],
  cities: ['Seoul', 'Busan', 'Daegu', 'Incheon', 'Daejeon'],
  performances: 10_000,
  showtimesPerPerformance: 5,
  /** Details are asked for by Zipf's law over all performances: the k-th most popular with weight k^-exponent. */
  zipfExponent: 1.0,
  /** One PATCH so long after the load's start, then one in every period. */
  firstWriteAfterSeconds: 4,
  writePeriodSeconds: 10,
  /** Writes go to one of so many most popular performances, each as likely: those that are cached. */
  writtenRanks: 100,
} as const;

/** The list pages, uniform: every genre in every city. */
export function listPages(): { genre: string; city: string }[] {
  return performanceWorkload.genres.flatMap((genre) => performanceWorkload.cities.map((city) => ({ genre, city })));
}

/** Popularity and id are unrelated: a fixed permutation of 1…performances (7,919 is prime to 10,000). */
export function performanceIdOfRank(rank: number): number {
  return ((rank * 7_919) % performanceWorkload.performances) + 1;
}

/** Write number `index`: it depends on the index alone, so that it may be repeated and both variants get the same. */
export function performanceWrite(index: number): { readonly performanceId: number; readonly title: string } {
  const rank = Math.floor(seededUniforms(index)() * performanceWorkload.writtenRanks);
  const performanceId = performanceIdOfRank(rank);
  return { performanceId, title: `Performance ${performanceId}, edition ${index}` };
}
