import { openQueuePowerCuts, type QueuePowerCuts } from '../faults/queue-power-cut.ts';
import type { TrialExperiment } from '../protocol/trial-experiment.ts';

const cuts = {
  jobs: 4_000,
  seatsPerJob: 10,
  clientsInFlight: 64,
  minIdleMs: 15_000,
  // Five times what is expected: nothing is pending, the worker reads as soon as it is up.
  recoveryTimeoutMs: 60_000,
} satisfies Omit<QueuePowerCuts, 'appendfsync'>;

export const experiment: TrialExperiment = {
  protocol: 'trials',
  id: 'seat-creation-power-cut',
  title: 'Seat creation when the queue’s machine loses its power',
  question: 'What is a 202 worth when the machine of the queue’s Redis loses its power, and what does that cost?',
  claim: {
    text: 'With appendfsync always, no accepted job is lost in a power cut; with everysec, Redis’s own default, some are.',
  },
  order: 'interleaved',
  series: [
    {
      id: 'everysec',
      label: 'appendfsync everysec',
      how: 'The service without its check of the server, which would refuse; power cut at a random moment under load',
      mustHold: 'must lose accepted work, or the harness is blind',
      role: 'control',
      mayLose: false,
      trials: { quick: 5, full: 50 },
      open: (request) => openQueuePowerCuts({ ...cuts, appendfsync: 'everysec' }, request),
    },
    {
      id: 'always',
      label: 'appendfsync always',
      how: 'The service as it is; the same load and cut',
      mustHold: `0 lost, 0 duplicate, settled within ${cuts.recoveryTimeoutMs / 1_000} s`,
      role: 'promise',
      mayLose: false,
      trials: { quick: 5, full: 50 },
      open: (request) => openQueuePowerCuts({ ...cuts, appendfsync: 'always' }, request),
    },
  ],
  values: [
    { id: 'accepted_per_second', label: 'Accepted', unit: '1/s', better: 'higher' },
    { id: 'accept_p50_seconds', label: 'Answer, median', unit: 's', better: 'lower' },
    { id: 'accept_p99_seconds', label: 'Answer, p99', unit: 's', better: 'lower' },
    { id: 'cut_bytes', label: 'Cut off the append-only file', unit: 'bytes', better: 'neither' },
  ],
  comparisons: [
    { value: 'accepted_per_second', numerator: 'always', denominator: 'everysec' },
    { value: 'accept_p99_seconds', numerator: 'always', denominator: 'everysec' },
  ],
  limits: [
    'No machine was switched off: Redis is killed, and its append-only file is cut to the size that it had when its last completed fdatasync began, which is what a disk that keeps its word would still have. A disk that lies about fdatasync loses more.',
    'The price is that of this machine’s disk, with the service’s own work in it: 64 clients against one API process. A disk with slower flushes makes always dearer.',
    'The worker is stopped until Redis is back, so that every accepted job waits in Redis: the worst moment for a cut.',
  ],
  settings: () => ({
    'jobs of a trial': cuts.jobs,
    'seats of a job': cuts.seatsPerJob,
    'clients in flight': cuts.clientsInFlight,
    'minimum idle time, ms': cuts.minIdleMs,
  }),
};
