/**
 * Latencies to three significant digits: exact below a millisecond, then rounded to the nearest step of a
 * thousandth to a ten-thousandth of the power of ten above. At most 0.5 % off, and a few hundred buckets a route.
 */
export function bucketOf(microseconds: number): number {
  if (microseconds < 1000) return microseconds;
  const step = 10 ** (Math.floor(Math.log10(microseconds)) - 2);
  return Math.round(microseconds / step) * step;
}

/** [latency in microseconds, requests], ascending. */
export function bucketsOf(latencies: Iterable<number>): [number, number][] {
  const counts = new Map<number, number>();
  for (const latency of latencies) {
    const bucket = bucketOf(latency);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => a - b);
}
