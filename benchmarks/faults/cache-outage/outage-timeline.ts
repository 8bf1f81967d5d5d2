import type { TimelineDefinition } from '../../evidence/timeline-schema.ts';
import { answerValues, latencyValues, statementsPanel } from '../reads-timeline.ts';
import { breakerStates } from './outage-sources.ts';

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
        values: answerValues,
        limits: [{ label: 'capacity of the database', at: capacityValue }],
      },
      {
        id: 'latency',
        label: 'Time to a 200',
        unit: 's',
        form: 'lines',
        inPhases: 'largest',
        values: latencyValues,
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
      statementsPanel,
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
