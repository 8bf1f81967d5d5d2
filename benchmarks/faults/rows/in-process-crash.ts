import type { SeriesDefinition } from '../../protocol/trial-experiment.ts';
import { openServiceCrashes } from '../service-crash.ts';

const crashes = {
  seatCreation: 'async',
  jobs: 400,
  seatsPerJob: 100,
  clientsInFlight: 16,
  minIdleMs: 1_000,
} as const;

export const inProcessCrash: SeriesDefinition = {
  id: 'in-process-crash',
  label: 'control: async under SIGKILL',
  how: `SEAT_CREATION=async: the one process that accepts and works is killed with work in flight, and started again; ${crashes.jobs} jobs of ${crashes.seatsPerJob} seats a trial`,
  mustHold: 'must lose accepted work, or the harness is blind',
  role: 'control',
  mustShow: 'lost',
  mayLose: false,
  trials: { quick: 1, full: 10 },
  open: (request) => openServiceCrashes(crashes, request),
};
