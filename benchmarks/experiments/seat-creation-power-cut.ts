import { openQueuePowerCuts, type QueuePowerCuts } from '../faults/queue-power-cut.ts';
import type { TrialExperiment } from '../protocol/trial-experiment.ts';

const cuts = {
  jobsPerSecond: 500,
  seatsPerJob: 10,
  loadSeconds: { from: 2.5, to: 4.5 },
  minIdleMs: 15_000,
  expectedSeconds: 6,
} satisfies Omit<QueuePowerCuts, 'appendfsync'>;
const how = `power cut after ${cuts.loadSeconds.from} to ${cuts.loadSeconds.to} s of ${cuts.jobsPerSecond} jobs a second`;

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
      how: `the service without its check, which would answer 503 to every job on such a server; ${how}`,
      mustHold: 'must lose accepted work, or the harness is blind',
      role: 'control',
      mustShow: 'lost',
      mayLose: false,
      trials: { quick: 5, full: 50 },
      open: (request) => openQueuePowerCuts({ ...cuts, appendfsync: 'everysec' }, request),
    },
    {
      id: 'always',
      label: 'appendfsync always',
      how: `the service as it is; ${how}`,
      mustHold: `0 lost; settled, expected within ${cuts.expectedSeconds} s`,
      role: 'promise',
      mayLose: false,
      trials: { quick: 5, full: 50 },
      open: (request) => openQueuePowerCuts({ ...cuts, appendfsync: 'always' }, request),
    },
  ],
  values: [
    { id: 'accept_p50_seconds', label: 'Answer, median', unit: 's', better: 'lower' },
    { id: 'accept_p99_seconds', label: 'Answer, p99', unit: 's', better: 'lower' },
    { id: 'cut_bytes', label: 'Cut off the append-only file', unit: 'bytes', better: 'neither' },
  ],
  comparisons: [
    { value: 'accept_p50_seconds', numerator: 'always', denominator: 'everysec' },
    { value: 'accept_p99_seconds', numerator: 'always', denominator: 'everysec' },
  ],
  limits: [
    'No machine was switched off: Redis is killed, and its append-only file is cut to the size that it had when its last completed fdatasync began, which is what a disk that keeps its word would still have. A disk that lies about fdatasync loses more.',
    'Created and renamed files are taken for durable, PostgreSQL is not cut, and a cut during a rewrite of the append-only file was not sought. With always there is often nothing to cut: every answered job is synced.',
    'The price is that of this machine’s disk at one offered rate, the same for both, with the service’s own work in it. A disk with slower flushes makes always dearer.',
    'The worker is stopped until Redis is back, so that every accepted job waits in Redis. No job was delivered before a cut and no key was sent twice: 0 duplicate is no result of this experiment, it is one of the fault suite.',
  ],
  settings: () => ({
    'jobs offered, 1/s': cuts.jobsPerSecond,
    'seats of a job': cuts.seatsPerJob,
    'minimum idle time, ms': cuts.minIdleMs,
  }),
};
