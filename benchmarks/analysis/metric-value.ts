import type { Evidence, LatencyHistogram, MetricSource } from '../evidence/schema.ts';

/** Everything that was recorded in one slot. Samples by raw metric id, in base units. */
export interface SlotReadings {
  readonly samples: ReadonlyMap<string, number>;
  readonly latencies: readonly LatencyHistogram[];
}

/** A value, or why there is none: a number that was not recorded is never 0. */
export type MetricValue = { readonly value: number } | { readonly missing: string };

/** Readings by slot id; every slot of the run has an entry, and every attempt that was discarded. */
export function readingsBySlot({ run, samples, latencies }: Evidence): ReadonlyMap<string, SlotReadings> {
  const readings = new Map<string, { samples: Map<string, number>; latencies: LatencyHistogram[] }>();
  for (const { id } of [...run.slots, ...(run.discarded ?? [])])
    readings.set(id, { samples: new Map(), latencies: [] });
  for (const { slot, metric, value } of samples) readings.get(slot)?.samples.set(metric, value);
  for (const histogram of latencies) readings.get(histogram.slot)?.latencies.push(histogram);
  return readings;
}

/** The metric of one slot, by the definition's source. */
export function metricValue(source: MetricSource, readings: SlotReadings): MetricValue {
  switch (source.kind) {
    case 'level':
      return sumOf([source.sample], readings);
    case 'ratio': {
      const numerator = sumOf(source.numerator, readings);
      if ('missing' in numerator) return numerator;
      const denominator = sumOf(source.denominator, readings);
      if ('missing' in denominator) return denominator;
      if (denominator.value === 0) return { missing: `${source.denominator.join(' + ')} is 0` };
      return { value: (numerator.value / denominator.value) * source.scale };
    }
    case 'percentile':
      return percentile(source.quantile, poolBuckets(source.routes, readings));
    default:
      throw new TypeError(`unknown metric source ${JSON.stringify(source satisfies never)}`);
  }
}

function sumOf(ids: readonly string[], { samples }: SlotReadings): MetricValue {
  let total = 0;
  for (const id of ids) {
    const value = samples.get(id);
    if (value === undefined) return { missing: `${id} was not recorded` };
    total += value;
  }
  return { value: total };
}

/** [microseconds, requests] over the routes (all when none is named), ascending. */
export function poolBuckets(
  routes: readonly string[],
  { latencies }: SlotReadings,
): readonly (readonly [number, number])[] {
  const pooled = new Map<number, number>();
  for (const { route, buckets } of latencies) {
    if (routes.length > 0 && !routes.includes(route)) continue;
    for (const [microseconds, requests] of buckets) {
      pooled.set(microseconds, (pooled.get(microseconds) ?? 0) + requests);
    }
  }
  return [...pooled].sort(([a], [b]) => a - b);
}

/** The nearest rank: the smallest latency that at least this share of the requests did not exceed. In seconds. */
export function percentile(quantile: number, buckets: readonly (readonly [number, number])[]): MetricValue {
  const count = buckets.reduce((sum, [, requests]) => sum + requests, 0);
  const rank = Math.max(1, Math.ceil(quantile * count));
  let seen = 0;
  for (const [microseconds, requests] of buckets) {
    seen += requests;
    if (seen >= rank) return { value: microseconds / 1e6 };
  }
  return { missing: 'no request was recorded' };
}
