import { z } from 'zod';

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), values: z.array(z.tuple([z.number(), z.string()])) }),
    ),
  }),
});

/** One line of a panel. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970, value; NaN is left out. */
  readonly points: readonly (readonly [atSeconds: number, value: number])[];
}

export interface TimeRange {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/** Asks Prometheus for a value every second of the range. @throws with Prometheus' own words when it refuses */
export async function queryRange(
  url: string,
  expr: string,
  { fromSeconds, toSeconds }: TimeRange,
): Promise<readonly Series[]> {
  const body = new URLSearchParams({ query: expr, start: String(fromSeconds), end: String(toSeconds), step: '1' });
  const response = await fetch(`${url}/api/v1/query_range`, {
    method: 'POST',
    body,
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Prometheus refused ${expr} (${response.status}): ${text.slice(0, 300)}`);
  return answerSchema
    .parse(JSON.parse(text))
    .data.result.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([at, value]) => [at, Number(value)] as const).filter(([, value]) => Number.isFinite(value)),
    }))
    .filter(({ points }) => points.length > 0);
}
