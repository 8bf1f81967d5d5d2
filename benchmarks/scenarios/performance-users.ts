import { sleep } from 'k6';
import exec from 'k6/execution';
import type { Options } from 'k6/options';

import { loadDuration, read, writeScenario } from './performance-requests.ts';
import { frameOptions } from './run-frame.ts';
import { recordLag } from './schedule-lag.ts';
import { naturalNumber, positiveNumber } from './script-variables.ts';
import { seededUniforms } from './seeded-uniforms.ts';

export { write } from './performance-requests.ts';
export { handleSummary, setup } from './run-frame.ts';

/**
 * Closed model: users who read, think, and read again. Together they offer VIRTUAL_USERS / (THINK_SECONDS + the
 * time of an answer) reads per second. Variables: VIRTUAL_USERS, THINK_SECONDS, and those of performance-reads.ts
 * without RATE.
 */
const thinkSeconds = positiveNumber('THINK_SECONDS');
const seed = naturalNumber('SEED');

export const options: Options = {
  ...frameOptions,
  scenarios: {
    users: {
      executor: 'constant-vus',
      vus: naturalNumber('VIRTUAL_USERS'),
      duration: loadDuration,
      // Who is thinking when the time is over reads no more.
      gracefulStop: '0s',
    },
    ...writeScenario(),
  },
};

/** k6 starts all users at once: each first waits until a random moment within one think time. */
export default function think(): void {
  const user = exec.vu.idInTest;
  const iteration = exec.vu.iterationInScenario;
  const pauseSeconds = iteration === 0 ? thinkSeconds * seededUniforms(seed, user)() : thinkSeconds;
  const dueMilliseconds = Date.now() + 1000 * pauseSeconds;
  sleep(pauseSeconds);
  recordLag(dueMilliseconds);
  read(user, iteration);
}
