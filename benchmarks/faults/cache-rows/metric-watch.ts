import { setTimeout as sleep } from 'node:timers/promises';

import { type MetricLine, parsePrometheusText } from '../../probes/prometheus-text.ts';
import type { ServiceNode } from '../stage.ts';

/** Lines of a page of metrics: those of the name that carry these labels. */
export interface Metric {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

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
  const over = new AbortController();
  const look = async (): Promise<void> => {
    looks.push((await Promise.all(nodes.map(({ adminUrl }) => readPage(adminUrl)))).flat());
  };
  const goOn = async (): Promise<void> => {
    while (!over.signal.aborted && !signal.aborted) {
      await look();
      await sleep(everyMs);
    }
  };
  await look();
  const looking = goOn();
  // Awaited in `stop`; until then a rejection is nobody's.
  looking.catch(() => undefined);
  const valuesOf = (metric: Metric): number[] => looks.map((lines) => sumOf(lines, metric));
  return {
    most: (metric) => Math.max(...valuesOf(metric)),
    unmoved: (metrics) =>
      metrics
        .filter((metric) => Math.max(...valuesOf(metric)) <= (valuesOf(metric)[0] ?? 0))
        .map((metric) => `${inWords(metric)} did not move`),
    async stop() {
      over.abort();
      await looking;
      await look();
    },
  };
}

async function readPage(adminUrl: string): Promise<MetricLine[]> {
  const response = await fetch(`${adminUrl}/metrics`, { signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`${adminUrl}/metrics answered ${response.status}`);
  return parsePrometheusText(await response.text()).filter(({ name }) => name.startsWith('performance_cache_'));
}

function sumOf(lines: readonly MetricLine[], { name, labels = {} }: Metric): number {
  return lines
    .filter(
      (line) => line.name === name && Object.entries(labels).every(([label, value]) => line.labels[label] === value),
    )
    .reduce((sum, { value }) => sum + value, 0);
}

function inWords({ name, labels = {} }: Metric): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}
