import { median } from './signed-rank.ts';

/** Of single readings, in their unit: no interval. */
export interface Spread {
  readonly median: number;
  readonly smallest: number;
  readonly largest: number;
  readonly count: number;
}

/** undefined for no values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const [smallest, largest] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
  return { median: median(values), smallest, largest, count: values.length };
}
