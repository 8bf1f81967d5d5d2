import exec from 'k6/execution';
import type { Options } from 'k6/options';

import { loadDuration, read, writeScenario } from './performance-requests.ts';
import { frameOptions } from './run-frame.ts';
import { recordLag } from './schedule-lag.ts';
import { positiveNumber } from './script-variables.ts';

export { write } from './performance-requests.ts';
export { handleSummary, setup } from './run-frame.ts';

/**
 * Open model: reads arrive at a fixed rate, whether or not the service keeps up.
 * RATE (reads per second), DURATION_SECONDS, SEED, WRITES (on or off), WRITE_INDEX (of the first write), API_URL,
 * API_TOKEN.
 */
const ratePerSecond = positiveNumber('RATE');

/** Enough for answers that take a second. All are made before the start: making one costs what is measured. */
const virtualUsers = Math.min(1000, Math.max(100, Math.ceil(ratePerSecond)));

export const options: Options = {
  ...frameOptions,
  scenarios: {
    reads: {
      executor: 'constant-arrival-rate',
      // k6 takes whole numbers only, and a calibrated rate need not be one.
      rate: Math.round(1000 * ratePerSecond),
      timeUnit: '1000s',
      duration: loadDuration,
      preAllocatedVUs: virtualUsers,
      maxVUs: virtualUsers,
      gracefulStop: '10s',
    },
    ...writeScenario(),
  },
};

/**
 * Read number n is due n / RATE seconds after the scenario's start. k6 counts no dropped iterations here, so that
 * after the first drop the lag reads too large.
 */
export default function readOnSchedule(): void {
  const { iterationInTest, startTime } = exec.scenario;
  recordLag(startTime + (1000 * iterationInTest) / ratePerSecond);
  read(iterationInTest);
}
