import type { Registry } from 'prom-client';

/** The sum of a metric's series that carry these labels; NaN when nobody has registered it. */
export async function sumOfMetric(
  registry: Registry,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const found = await registry.getSingleMetric(name)?.get();
  const series = found?.values.filter((value) =>
    Object.entries(labels).every(([label, wanted]) => value.labels[label] === wanted),
  );
  return series?.reduce((sum, { value }) => sum + value, 0) ?? Number.NaN;
}
