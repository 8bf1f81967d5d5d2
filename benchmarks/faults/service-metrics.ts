import { type MetricLine, parsePrometheusText } from '../probes/prometheus-text.ts';
import type { ServiceNode } from './stage.ts';

/** Lines of a page of metrics: those of the name that carry these labels. */
export interface Metric {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What a process says of itself on its admin port. @throws when it does not answer 200 in time */
export async function readMetricLines(
  { adminUrl }: Pick<ServiceNode, 'adminUrl'>,
  withinMs = 5_000,
): Promise<MetricLine[]> {
  const response = await fetch(`${adminUrl}/metrics`, { signal: AbortSignal.timeout(withinMs) });
  if (!response.ok) throw new Error(`${adminUrl}/metrics answered ${response.status}`);
  return parsePrometheusText(await response.text());
}

export function linesOf(lines: readonly MetricLine[], { name, labels = {} }: Metric): MetricLine[] {
  return lines.filter(
    (line) => line.name === name && Object.entries(labels).every(([label, value]) => line.labels[label] === value),
  );
}

export function sumOf(lines: readonly MetricLine[], metric: Metric): number {
  return linesOf(lines, metric).reduce((sum, { value }) => sum + value, 0);
}
