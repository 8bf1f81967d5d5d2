import type { SeriesDefinition } from '../../protocol/trial-experiment.ts';
import { openQueuePowerCuts, type QueuePowerCuts } from '../queue-power-cut.ts';

const cuts = {
  jobsPerSecond: 300,
  seatsPerJob: 10,
  loadSeconds: { from: 1.5, to: 3 },
  minIdleMs: 3_000,
  expectedSeconds: 5,
} satisfies Omit<QueuePowerCuts, 'appendfsync'>;

const how = `the queue's Redis is killed under load, its append-only file is cut to what the last completed fdatasync covers, and it is started again; ${cuts.jobsPerSecond} jobs of ${cuts.seatsPerJob} seats a second, the cut after ${cuts.loadSeconds.from} to ${cuts.loadSeconds.to} s`;

export const powerCut: SeriesDefinition = {
  id: 'power-cut',
  label: 'power cut of Redis',
  how: `appendfsync always: ${how}`,
  mustHold: `0 lost; settled, expected within ${cuts.expectedSeconds} s`,
  role: 'promise',
  mayLose: false,
  trials: { quick: 3, full: 50 },
  open: (request) => openQueuePowerCuts({ ...cuts, appendfsync: 'always' }, request),
};

export const powerCutEverysec: SeriesDefinition = {
  id: 'power-cut-everysec',
  label: 'control: power cut with everysec',
  how: `appendfsync everysec, and a service that does not look at it: ${how}`,
  mustHold: 'must lose accepted work, or the harness is blind',
  role: 'control',
  mustShow: 'lost',
  mayLose: false,
  trials: { quick: 1, full: 10 },
  open: (request) => openQueuePowerCuts({ ...cuts, appendfsync: 'everysec' }, request),
};
