import { expectedSecondsOf, openServiceCrashes, type ServiceCrashes } from '../faults/service-crash.ts';
import type { TrialExperiment } from '../protocol/trial-experiment.ts';

/** The service's default. */
const minIdleMs = 15_000;
const crashes = {
  jobs: 400,
  seatsPerJob: 200,
  clientsInFlight: 16,
  minIdleMs,
} satisfies Omit<ServiceCrashes, 'seatCreation'>;
const kill = `SIGKILL when a random number of its ${crashes.jobs} jobs (20 to 80 %) is accepted, under load; started again`;

export const experiment: TrialExperiment = {
  protocol: 'trials',
  id: 'seat-creation-crash',
  title: 'Seat creation when the process is killed',
  question:
    'A service has answered 202 and is killed by SIGKILL with the work still to do: what becomes of the jobs that it has accepted?',
  claim: {
    text: 'Through the Redis Stream every accepted job is stored exactly once after each kill, with no more help than starting the process again; in the process (before), accepted jobs are lost.',
  },
  environments: ['processes', 'containers'],
  order: 'interleaved',
  series: [
    {
      id: 'async',
      label: 'in the process',
      how: `SEAT_CREATION=async: one process accepts and works; ${kill}`,
      mustHold: 'before: must lose accepted work, or the harness is blind',
      role: 'control',
      mustShow: 'lost',
      mayLose: false,
      trials: { quick: 5, full: 50 },
      open: (request) => openServiceCrashes({ ...crashes, seatCreation: 'async' }, request),
    },
    {
      id: 'stream',
      label: 'Redis Stream',
      how: `SEAT_CREATION=stream: one process accepts and works; ${kill}`,
      mustHold: `0 lost, 0 duplicate when nothing is left in the stream; settled, expected within ${expectedSecondsOf({ seatCreation: 'stream', minIdleMs })} s`,
      role: 'promise',
      mayLose: false,
      trials: { quick: 5, full: 50 },
      open: (request) => openServiceCrashes({ ...crashes, seatCreation: 'stream' }, request),
    },
  ],
  values: [],
  comparisons: [],
  limits: [
    'SIGKILL ends a process, not the machine: what a power cut takes is the experiment seat-creation-power-cut.',
    `The time to recover is that from the kill until every job that was accepted before it is stored or dead-lettered. It is the minimum idle time (${minIdleMs / 1_000} s, the default) and more where the process died with jobs in its hands: for so long they are left alone, also by the process that takes its place. Where all of them still waited in the stream it is a few seconds.`,
    'The database’s unique keys refuse a second seat; the audit sees what gets past them. That the harness sees duplicates is shown by controls of the fault suite.',
    'Clients send a job again with the same idempotency key until they are answered. What was never answered with 202 is not accepted, and not counted.',
    'One machine, loopback. The unit is the crash: so many kills with work in flight, and nothing is said about other kills.',
  ],
  settings: () => ({
    'jobs of a trial': crashes.jobs,
    'seats of a job': crashes.seatsPerJob,
    'clients in flight': crashes.clientsInFlight,
    'minimum idle time, ms': minIdleMs,
  }),
};
