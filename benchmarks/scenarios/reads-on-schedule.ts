import exec from 'k6/execution';
import type { Scenario } from 'k6/options';

import { loadDuration, read } from './performance-requests.ts';
import { recordLag } from './schedule-lag.ts';
import { positiveNumber } from './script-variables.ts';

const ratePerSecond = positiveNumber('RATE');

/** Enough for answers that take a second. All are made before the start: making one costs what is measured. */
const virtualUsers = Math.min(1000, Math.max(100, Math.ceil(ratePerSecond)));

/** Reads arrive at RATE per second, whether or not the service keeps up; for `readOnSchedule`. */
export const readsOnSchedule: Scenario = {
  executor: 'constant-arrival-rate',
  // k6 takes whole numbers only, and a calibrated rate need not be one.
  rate: Math.round(1000 * ratePerSecond),
  timeUnit: '1000s',
  duration: loadDuration,
  preAllocatedVUs: virtualUsers,
  maxVUs: virtualUsers,
  gracefulStop: '10s',
};

/**
 * Read number n is due n / RATE seconds after the scenario's start. k6 counts no dropped iterations here, so that
 * after the first drop the lag reads too large.
 */
export function readOnSchedule(): void {
  const { iterationInTest, startTime } = exec.scenario;
  recordLag(startTime + (1000 * iterationInTest) / ratePerSecond);
  read(iterationInTest);
}
