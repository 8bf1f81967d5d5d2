import type { MetricLine } from '../../probes/prometheus-text.ts';
import { repeatedly } from '../repeatedly.ts';
import { type Metric, readMetricLines, sumOf } from '../service-metrics.ts';
import type { ServiceNode } from '../stage.ts';

/** Looks at the metrics of processes over and over. Of several lines, and of several processes, the sum counts. */
export interface MetricWatch {
  /** The largest value that was seen. */
  most(metric: Metric): number;
  /** Of these, in words, what was never above its first value: the metric does not show what it is for. */
  unmoved(metrics: readonly Metric[]): string[];
  /** Looks once more, and ends. */
  stop(): Promise<void>;
}

const everyMs = 50;

/** Resolves when it has looked for the first time. What rejects later, rejects in `stop`. */
export async function watchMetrics(nodes: readonly ServiceNode[], signal: AbortSignal): Promise<MetricWatch> {
  const looks: MetricLine[][] = [];
  const look = async (): Promise<void> => {
    const lines = (await Promise.all(nodes.map((node) => readMetricLines(node)))).flat();
    looks.push(lines.filter(({ name }) => name.startsWith('performance_cache_')));
  };
  await look();
  const endLooking = repeatedly(everyMs, look, signal);
  const valuesOf = (metric: Metric): number[] => looks.map((lines) => sumOf(lines, metric));
  return {
    most: (metric) => Math.max(...valuesOf(metric)),
    unmoved: (metrics) =>
      metrics
        .filter((metric) => Math.max(...valuesOf(metric)) <= (valuesOf(metric)[0] ?? 0))
        .map((metric) => `${inWords(metric)} did not move`),
    async stop() {
      await endLooking();
      await look();
    },
  };
}

function inWords({ name, labels = {} }: Metric): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}
