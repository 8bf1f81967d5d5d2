import type { TimelineDefinition } from '../../evidence/timeline-schema.ts';
import { compact } from '../timeline-recorder.ts';
import { breakerStates } from './outage-sources.ts';
import { type PageRead, percentileOf } from './page-reads.ts';

/** What a trial of an outage records of every interval. */
export function outageTimeline(intervalSeconds: number, maxLoadsInFlight: number): TimelineDefinition {
  return {
    intervalSeconds,
    panels: [
      {
        id: 'answers',
        label: 'Answers',
        unit: '1/s',
        form: 'stacked',
        values: [
          { id: 'served', label: '200', answers: 'served' },
          { id: 'refused', label: '503', answers: 'refused' },
          { id: 'failed', label: 'wrong or none', answers: 'failed' },
        ],
        limits: [{ label: 'capacity of the database', at: capacityValue }],
      },
      {
        id: 'latency',
        label: 'Time to a 200',
        unit: 's',
        form: 'lines',
        inPhases: 'largest',
        values: [
          { id: 'p50_seconds', label: 'p50' },
          { id: 'p99_seconds', label: 'p99' },
        ],
        limits: [],
      },
      {
        id: 'hits',
        label: 'Of these from the cache',
        unit: '%',
        form: 'lines',
        values: [{ id: 'hit_percent', label: 'hits' }],
        limits: [],
      },
      {
        id: 'database',
        label: 'Database CPU',
        unit: 'cores',
        form: 'lines',
        values: [{ id: 'database_cores', label: 'cores' }],
        limits: [{ label: 'its core', at: 1 }],
      },
      {
        id: 'statements',
        label: 'Statements',
        unit: '1/s',
        form: 'lines',
        values: [{ id: 'statements_per_second', label: 'statements' }],
        limits: [],
      },
      {
        id: 'loads',
        label: 'Loads in flight',
        unit: '',
        form: 'lines',
        inPhases: 'largest',
        values: [
          { id: 'loads_in_flight', label: 'by the service' },
          { id: 'active_backends', label: 'by the database' },
          { id: 'pool_pending', label: 'waiting' },
        ],
        limits: [{ label: 'limit', at: maxLoadsInFlight }],
      },
      {
        id: 'breaker',
        label: 'Breaker',
        unit: '',
        form: 'states',
        values: [{ id: 'breaker', label: 'breaker' }],
        states: [...breakerStates],
        limits: [],
      },
    ],
  };
}

/** Id of the trial's value. */
export const capacityValue = 'capacity_per_second';

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
