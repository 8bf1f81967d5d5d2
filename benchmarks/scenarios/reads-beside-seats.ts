import exec from 'k6/execution';
import http from 'k6/http';
import type { Options } from 'k6/options';

import { loadDuration } from './performance-requests.ts';
import { readsBesideSeatsWorkload } from './reads-beside-seats-workload.ts';
import { readsOnSchedule } from './reads-on-schedule.ts';
import { frameOptions } from './run-frame.ts';
import { text } from './script-variables.ts';

export { handleSummary, setup } from './run-frame.ts';
export { readOnSchedule as default } from './reads-on-schedule.ts';

/**
 * Open model: reads at RATE per second, and beside them seat creations at the declared rate, job n for the n-th of
 * HALL_IDS. RATE, DURATION_SECONDS, SEED, HALL_IDS (with commas between them, none of which has seats yet), API_URL,
 * API_TOKEN.
 */
const hallIds = text('HALL_IDS').split(',');
const apiUrl = text('API_URL');
const parameters = {
  headers: { Authorization: `Bearer ${text('API_TOKEN')}` },
  responseCallback: http.expectedStatuses(202),
  tags: { name: 'seat-creation' },
  responseType: 'none',
  timeout: '10s',
} as const;

export const options: Options = {
  ...frameOptions,
  scenarios: {
    reads: readsOnSchedule,
    seats: {
      executor: 'constant-arrival-rate',
      exec: 'createSeats',
      rate: Math.round(1000 * readsBesideSeatsWorkload.jobsPerSecond),
      timeUnit: '1000s',
      duration: loadDuration,
      preAllocatedVUs: 20,
      maxVUs: 20,
      gracefulStop: '10s',
    },
  },
};

export function createSeats(): void {
  const hallId = hallIds[exec.scenario.iterationInTest];
  if (hallId === undefined) exec.test.abort(`HALL_IDS has ${hallIds.length} halls, and the load wants more`);
  http.post(`${apiUrl}/halls/${hallId}/seats`, null, parameters);
}
