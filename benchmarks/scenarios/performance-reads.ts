import type { Options } from 'k6/options';

import { writeScenario } from './performance-requests.ts';
import { readsOnSchedule } from './reads-on-schedule.ts';
import { frameOptions } from './run-frame.ts';

export { write } from './performance-requests.ts';
export { readOnSchedule as default } from './reads-on-schedule.ts';
export { handleSummary, setup } from './run-frame.ts';

/**
 * Open model: reads arrive at a fixed rate, whether or not the service keeps up.
 * RATE (reads per second), DURATION_SECONDS, SEED, WRITES (on or off), WRITE_INDEX (of the first write), API_URL,
 * API_TOKEN.
 */
export const options: Options = {
  ...frameOptions,
  scenarios: { reads: readsOnSchedule, ...writeScenario() },
};
