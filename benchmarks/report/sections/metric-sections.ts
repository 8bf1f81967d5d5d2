import type { MetricDefinition } from '../../evidence/schema.ts';

/**
 * The section that prints the metric with its change and interval. A metric that is only shown stands there and
 * not in the table of the tests; one that is tested, or has no section of its own, stands in that table.
 */
export function sectionOf({
  id,
  unit,
  source,
}: MetricDefinition): 'throughput' | 'hit-ratio' | 'latency' | 'memory' | undefined {
  if (id === 'hit_ratio') return 'hit-ratio';
  if (source.kind === 'percentile') return 'latency';
  if (unit === '1/s') return 'throughput';
  return unit === 'bytes' || unit === 'keys' ? 'memory' : undefined;
}
