import { openServiceCrashes, type ServiceCrashes } from '../faults/service-crash.ts';
import type { TrialExperiment } from '../protocol/trial-experiment.ts';

/** The service's default. */
const minIdleMs = 15_000;
const crashes = {
  jobs: 400,
  seatsPerJob: 200,
  clientsInFlight: 16,
  minIdleMs,
  // Five times what is expected: orphans are anybody's after the minimum idle time, and looked for every second.
  recoveryTimeoutMs: 5 * (minIdleMs + 2_000),
} satisfies Omit<ServiceCrashes, 'seatCreation'>;

export const experiment: TrialExperiment = {
  protocol: 'trials',
  id: 'seat-creation-crash',
  title: 'Seat creation when the process is killed',
  question:
    'A service has answered 202 and is killed by SIGKILL with the work still to do: what becomes of the jobs that it has accepted?',
  claim: {
    text: 'Through the Redis Stream every accepted job is stored exactly once after each kill, with no more help than starting the process again; in the process (before), accepted jobs are lost.',
  },
  order: 'interleaved',
  series: [
    {
      id: 'async',
      label: 'in the process',
      how: 'SEAT_CREATION=async: one process accepts and works; SIGKILL at a random moment with work in flight; started again',
      mustHold: 'before: must lose accepted work, or the harness is blind',
      role: 'control',
      mayLose: false,
      trials: { quick: 5, full: 50 },
      open: (request) => openServiceCrashes({ ...crashes, seatCreation: 'async' }, request),
    },
    {
      id: 'stream',
      label: 'Redis Stream',
      how: 'SEAT_CREATION=stream: the same process, load and kill; started again',
      mustHold: `0 lost, 0 duplicate, settled within ${crashes.recoveryTimeoutMs / 1_000} s`,
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
    `The time to recover is mostly the minimum idle time (${minIdleMs / 1_000} s, the default): for so long a job in the hands of a dead process is left alone, also by the process that takes its place.`,
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
