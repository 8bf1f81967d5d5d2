import { addedP99, type ValueDefinition } from '../../evidence/trials-schema.ts';
import type { SeriesDefinition } from '../../protocol/trial-experiment.ts';
import { redisFaults } from './redis-faults.ts';

/** The cache's rows of the fault suite: one that promises something stands before the control that must break it. */
export const cacheRows: readonly SeriesDefinition[] = [...redisFaults];

export const cacheValues: readonly ValueDefinition[] = [
  { id: addedP99.firstSecond, label: 'Added to the p99 of reads in the first second', unit: 's', better: 'lower' },
  { id: addedP99.afterwards, label: 'Added to the p99 of reads from then on', unit: 's', better: 'lower' },
  { id: 'resident_growth_bytes', label: 'More resident memory', unit: 'bytes', better: 'lower' },
];
