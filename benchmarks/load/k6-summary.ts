import { z } from 'zod';

import type { FinishedLoad } from './load.ts';

const valuesByName = z.record(z.string(), z.object({ values: z.record(z.string(), z.unknown()) }));

/** What `handleSummary` is given: metrics by name, or with k6's newer summary a list of them. */
const summarySchema = z.union([
  z.object({ metrics: valuesByName }),
  z
    .object({
      results: z.object({
        metrics: z.array(z.object({ name: z.string(), values: z.record(z.string(), z.unknown()) })),
      }),
    })
    .transform(({ results }) => ({
      metrics: Object.fromEntries(results.metrics.map(({ name, values }) => [name, { values }])),
    })),
]);

/** k6's own figures over the whole run. Throws when one is missing; `text` is what `handleSummary` wrote. */
export function parseK6Summary(text: string): FinishedLoad['summary'] {
  const { metrics } = summarySchema.parse(JSON.parse(text));
  const number = (metric: string, ...statistics: readonly string[]): number => {
    const values = metrics[metric]?.values ?? {};
    const value = statistics.map((statistic) => values[statistic]).find((candidate) => candidate !== undefined);
    if (typeof value === 'number') return value;
    throw new Error(`k6's summary has no ${metric} ${statistics.join(' or ')}: did the script send no request?`);
  };
  return {
    requests: number('http_reqs', 'count'),
    p50Seconds: number('http_req_duration', 'med') / 1000,
    p95Seconds: number('http_req_duration', 'p(95)', 'p95') / 1000,
  };
}
