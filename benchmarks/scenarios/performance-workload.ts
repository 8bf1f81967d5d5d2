/**
 * What users of the main page do, declared once: k6 runs it, the hit ratio is predicted from it, and it is
 * committed with every run. It imports nothing, so that k6 and Node both load it.
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
  /** One PATCH at each multiple of the period after the load's start, except at 0. */
  writePeriodSeconds: 10,
  /** So that a window shorter than the period has its write as well. */
  firstWriteAfterSeconds: 5,
} as const;

/** The list pages, uniform: every genre in every city. */
export function listPages(): { genre: string; city: string }[] {
  return performanceWorkload.genres.flatMap((genre) => performanceWorkload.cities.map((city) => ({ genre, city })));
}

/** Cumulative popularity of the details, by rank from 0: the last value is 1. */
export function cumulativeZipf(): number[] {
  const { performances, zipfExponent } = performanceWorkload;
  const cumulative: number[] = [];
  let total = 0;
  for (let rank = 1; rank <= performances; rank += 1) {
    total += rank ** -zipfExponent;
    cumulative.push(total);
  }
  return cumulative.map((value) => value / total);
}

/** The rank (from 0) that a uniform number in [0, 1) falls on. */
export function rankAt(cumulative: readonly number[], uniform: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] ?? 1) > uniform) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Popularity and id are unrelated: a fixed permutation of 1…performances (7,919 is prime to 10,000). */
export function performanceIdOfRank(rank: number): number {
  return ((rank * 7_919) % performanceWorkload.performances) + 1;
}
