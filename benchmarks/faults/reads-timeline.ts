import type { TimelinePanel } from '../evidence/timeline-schema.ts';
import { type PageRead, percentileOf } from './cache-outage/page-reads.ts';
import { compact } from './timeline-recorder.ts';

/** What a panel shows of the answers that `readsByInterval` counts. */
export const answerValues: TimelinePanel['values'] = [
  { id: 'served', label: '200', answers: 'served' },
  { id: 'refused', label: '503', answers: 'refused' },
  { id: 'failed', label: 'wrong or none', answers: 'failed' },
];

/** What a panel shows of the times that `readsByInterval` gives. */
export const latencyValues: TimelinePanel['values'] = [
  { id: 'p50_seconds', label: 'p50' },
  { id: 'p99_seconds', label: 'p99' },
];

export const statementsPanel: TimelinePanel = {
  id: 'statements',
  label: 'Statements',
  unit: '1/s',
  form: 'lines',
  values: [{ id: 'statements_per_second', label: 'statements' }],
  limits: [],
};

/**
 * What became of the reads, by the interval in which they were due: their answers a second, and how long those that
 * were served took from then on. null where none was served.
 */
export function readsByInterval(
  reads: readonly PageRead[],
  { startedAtMs }: { readonly startedAtMs: number },
  { intervals, intervalSeconds }: { readonly intervals: number; readonly intervalSeconds: number },
): Record<string, (number | null)[]> {
  const byInterval = Map.groupBy(reads, ({ dueMs }) => Math.floor((dueMs - startedAtMs) / (1_000 * intervalSeconds)));
  const each = (pick: (reads: readonly PageRead[]) => number | undefined): (number | null)[] =>
    Array.from({ length: intervals }, (_, index) => {
      const value = pick(byInterval.get(index) ?? []);
      return value === undefined ? null : compact(value);
    });
  const answered = (outcome: PageRead['outcome']) => each((own) => of(own, outcome).length / intervalSeconds);
  const seconds = (quantile: number) =>
    each((own) =>
      percentileOf(
        of(own, 'served').map(({ dueMs, endedMs }) => (endedMs - dueMs) / 1_000),
        quantile,
      ),
    );
  return {
    served: answered('served'),
    refused: answered('refused'),
    failed: answered('failed'),
    p50_seconds: seconds(0.5),
    p99_seconds: seconds(0.99),
    hit_percent: each((own) => {
      const served = of(own, 'served');
      return served.length === 0 ? undefined : (100 * served.filter(({ isHit }) => isHit).length) / served.length;
    }),
  };
}

function of(reads: readonly PageRead[], outcome: PageRead['outcome']): PageRead[] {
  return reads.filter((read) => read.outcome === outcome);
}
