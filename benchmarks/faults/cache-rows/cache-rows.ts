import { addedP99 } from '../../evidence/trials-schema.ts';
import type { TrialExperiment } from '../../protocol/trial-experiment.ts';
import { redisFaults } from './redis-faults.ts';

/** `make faults SUITE=cache`: reads while the cache's Redis is hurt. */
export const cacheSuite: TrialExperiment = {
  protocol: 'trials',
  id: 'cache-faults',
  title: 'Reads under faults of the cache',
  question: 'What do readers get while the Redis of the cache is dead, hung, slow, full or answers nonsense?',
  claim: {
    text: 'Within the capacity of the database every read is answered 200 with the right body, whatever becomes of the cache’s Redis.',
  },
  order: 'one-by-one',
  series: redisFaults,
  values: [
    { id: addedP99.firstSecond, label: 'Added to the p99 of reads in the first second', unit: 's', better: 'lower' },
    { id: addedP99.afterwards, label: 'Added to the p99 of reads from then on', unit: 's', better: 'lower' },
    { id: 'resident_growth_bytes', label: 'More resident memory', unit: 'bytes', better: 'lower' },
  ],
  comparisons: [],
  limits: [
    'No control stands among these rows yet: that a wrong or an old body would be seen has not been shown here, and nothing is written while they run. Not yet tried: three times the capacity, a cold herd, writes during an outage, expiry.',
    'Added latency is held against one second before the fault, on a machine that does other work as well: it shows seconds, not milliseconds.',
    'One machine, loopback, one process of the service.',
  ],
  settings: () => ({}),
};
