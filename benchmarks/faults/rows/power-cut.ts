import type { SeriesDefinition } from '../../protocol/trial-experiment.ts';
import { openQueuePowerCuts, type QueuePowerCuts } from '../queue-power-cut.ts';

const cuts = {
  jobs: 800,
  seatsPerJob: 10,
  clientsInFlight: 32,
  minIdleMs: 3_000,
  recoveryTimeoutMs: 60_000,
} satisfies Omit<QueuePowerCuts, 'appendfsync'>;

const how = `the queue's Redis is killed under load, its append-only file is cut to what the last completed fdatasync covers, and it is started again; ${cuts.jobs} jobs of ${cuts.seatsPerJob} seats, ${cuts.clientsInFlight} clients in flight`;

export const powerCut: SeriesDefinition = {
  id: 'power-cut',
  label: 'power cut of Redis',
  how: `appendfsync always: ${how}`,
  mustHold: `0 lost, 0 duplicate; settled within ${cuts.recoveryTimeoutMs / 1_000} s`,
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
  mayLose: false,
  trials: { quick: 1, full: 10 },
  open: (request) => openQueuePowerCuts({ ...cuts, appendfsync: 'everysec' }, request),
};
