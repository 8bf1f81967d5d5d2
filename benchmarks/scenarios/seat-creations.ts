import exec from 'k6/execution';
import http from 'k6/http';
import type { Options } from 'k6/options';

import { frameOptions } from './run-frame.ts';
import { recordLag } from './schedule-lag.ts';
import { naturalNumber, positiveNumber, text } from './script-variables.ts';

export { handleSummary, setup } from './run-frame.ts';

/**
 * Open model: seat creations arrive at a fixed rate, number n for the hall FIRST_HALL_ID + n, without an
 * `Idempotency-Key`. RATE (per second), DURATION_SECONDS, FIRST_HALL_ID, API_URL, API_TOKEN.
 */
const ratePerSecond = positiveNumber('RATE');
const firstHallId = naturalNumber('FIRST_HALL_ID');
const apiUrl = text('API_URL');
const parameters = {
  headers: { Authorization: `Bearer ${text('API_TOKEN')}` },
  tags: { name: 'seat-creation' },
  responseType: 'none',
  timeout: '10s',
} as const;

/** Enough for answers that take a fifth of a second. */
const virtualUsers = Math.max(20, Math.ceil(ratePerSecond / 5));

http.setResponseCallback(http.expectedStatuses(202));

export const options: Options = {
  ...frameOptions,
  scenarios: {
    creations: {
      executor: 'constant-arrival-rate',
      rate: Math.round(1000 * ratePerSecond),
      timeUnit: '1000s',
      duration: `${Math.round(1000 * positiveNumber('DURATION_SECONDS'))}ms`,
      preAllocatedVUs: virtualUsers,
      maxVUs: virtualUsers,
      gracefulStop: '10s',
    },
  },
};

export default function requestSeatsOnSchedule(): void {
  const { iterationInTest, startTime } = exec.scenario;
  recordLag(startTime + (1000 * iterationInTest) / ratePerSecond);
  http.post(`${apiUrl}/halls/${firstHallId + iterationInTest}/seats`, null, parameters);
}
