import { addedP99 } from '../../evidence/trials-schema.ts';
import type { TrialExperiment } from '../../protocol/trial-experiment.ts';
import { readsBeyondCapacity } from './beyond-capacity.ts';
import { herdRows } from './cold-herd.ts';
import { expiryRows } from './expiry.ts';
import { liveRows } from './live.ts';
import { outageRows } from './outage-writes.ts';
import { readsWithinCapacity } from './within-capacity.ts';

/** The half of `make faults` about the cache: reads while its Redis is hurt. */
export const cacheSuite: TrialExperiment = {
  protocol: 'trials',
  id: 'cache-faults',
  title: 'Reads under faults of the cache',
  question:
    'What do readers get beside writes, and while the Redis of the cache is dead, hung, slow, full, empty or answers nonsense?',
  claim: {
    text: 'Within the capacity of the database every read is answered 200 with the right body, whatever becomes of the cache’s Redis; beyond it the database gets no more than it can serve, and the rest of the readers 503. No read that begins after a write was answered gets what was there before it, while reader and writer reach the cache.',
  },
  order: 'one-by-one',
  concurrency: 2,
  series: [...readsWithinCapacity, ...readsBeyondCapacity, ...liveRows, ...outageRows, ...herdRows, ...expiryRows],
  values: [
    { id: addedP99.firstSecond, label: 'Added to the p99 of reads in the first second', unit: 's', better: 'lower' },
    { id: addedP99.afterwards, label: 'Added to the p99 of reads from then on', unit: 's', better: 'lower' },
    { id: 'hit_ratio', label: 'Reads answered from the cache', unit: '', better: 'neither' },
    { id: 'statements', label: 'Statements for the one page', unit: '', better: 'lower' },
    { id: 'refill_peak_ratio', label: 'Peak second of the refill, over its mean', unit: '', better: 'lower' },
    { id: 'resident_growth_bytes', label: 'More resident memory', unit: 'bytes', better: 'lower' },
    { id: 'capacity_per_second', label: 'Loads that the database serves', unit: '1/s', better: 'neither' },
    { id: 'served_of_capacity', label: 'Reads served, of its capacity', unit: '', better: 'higher' },
    { id: 'most_active_backends', label: 'Most backends at work at once', unit: '', better: 'neither' },
  ],
  comparisons: [],
  limits: [
    'In the rows with writers a command to the cache may take 1 s or 5 s instead of 200 ms: a busy machine must not look like a cache out of reach, of whose readers less is promised.',
    'The herd waits for a load that is held, with a lease wait of 10 s: with the default of 300 ms each process does once what takes longer.',
    'The capacity of the database at the overload is declared: a policy makes each load take its time there, without work. What a database at its limit does besides is another experiment’s question.',
    'Added latency is held against one second before the fault, on a machine that does other work as well: it shows seconds, not milliseconds.',
    'One machine, loopback; one process of the service where no row says otherwise.',
  ],
  settings: () => ({}),
};
