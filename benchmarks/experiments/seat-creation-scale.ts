import { openWorkerDrains, type WorkerDrains } from '../faults/worker-drain.ts';
import type { SeriesDefinition, TrialExperiment } from '../protocol/trial-experiment.ts';

const drains = {
  jobs: 4_000,
  seatsPerJob: 50,
  clientsInFlight: 32,
  minIdleMs: 15_000,
  delaySeconds: 0.02,
  timeoutMs: 180_000,
} satisfies Omit<WorkerDrains, 'workers'>;
const leastGain = 3;

function series(workers: number): SeriesDefinition {
  return {
    id: `workers-${workers}`,
    label: workers === 1 ? '1 worker' : `${workers} workers`,
    how: `${drains.jobs.toLocaleString('en')} jobs of ${drains.seatsPerJob} seats wait in the stream; so many worker processes are started and drain it`,
    mustHold: '0 lost, 0 duplicate',
    role: 'measured',
    mayLose: false,
    trials: { quick: 6, full: 10 },
    open: (request) => openWorkerDrains({ ...drains, workers }, request),
  };
}

export const experiment: TrialExperiment = {
  protocol: 'trials',
  id: 'seat-creation-scale',
  title: 'Seat creation by 1, 2 and 4 workers',
  question: 'What do more worker processes bring when each of them waits for a database at a distance?',
  claim: {
    text: `Four workers create at least ${leastGain} times the seats per second of one, against a database ${1_000 * drains.delaySeconds} ms away in each direction, and nothing is lost or done twice.`,
  },
  order: 'interleaved',
  series: [series(1), series(2), series(4)],
  values: [
    { id: 'jobs_per_second', label: `Jobs done, of ${drains.seatsPerJob} seats each`, unit: '1/s', better: 'higher' },
  ],
  comparisons: [
    { value: 'jobs_per_second', numerator: 'workers-2', denominator: 'workers-1' },
    {
      value: 'jobs_per_second',
      numerator: 'workers-4',
      denominator: 'workers-1',
      bound: { relation: 'at-least', ratio: leastGain },
    },
  ],
  limits: [
    'The latency of the network is declared, not measured: a TCP proxy between the workers and the database holds every chunk for as long. Without it the workers of this machine would share its CPUs with the database, and more of them would bring little: what is shown is that waiting, not working, is what scales.',
    'The rate is that of the middle 80 % of the jobs, by the times that the ledger in the database holds; a batch is one transaction, so that jobs are done a batch at a time.',
    'One machine, loopback; no process is hurt here, so no crash is counted.',
  ],
  settings: () => ({
    'jobs of a trial': drains.jobs,
    'seats of a job': drains.seatsPerJob,
    'latency in each direction, ms': 1_000 * drains.delaySeconds,
  }),
};
