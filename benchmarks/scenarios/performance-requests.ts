import exec from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import type { Scenario } from 'k6/options';

import { listPages, performanceIdOfRank, performanceWorkload, performanceWrite } from './performance-workload.ts';
import { naturalNumber, onOrOff, positiveNumber, text } from './script-variables.ts';
import { seededUniforms } from './seeded-uniforms.ts';
import { createZipfRank } from './zipf-rank.ts';

const apiUrl = text('API_URL');
const seed = naturalNumber('SEED');
const durationSeconds = positiveNumber('DURATION_SECONDS');
const pages = listPages().map(
  ({ genre, city }) => `${apiUrl}/performances?genre=${encodeURIComponent(genre)}&city=${encodeURIComponent(city)}`,
);
const zipfRank = createZipfRank(performanceWorkload.performances, performanceWorkload.zipfExponent);

const wrongBody = new Counter('wrong_body');

http.setResponseCallback(http.expectedStatuses(200));

const requestTimeout = '10s';
const listParameters = { tags: { name: 'list' }, responseType: 'text', timeout: requestTimeout } as const;
const detailParameters = { tags: { name: 'detail' }, responseType: 'text', timeout: requestTimeout } as const;

/** One read, its answer checked. Which one it is depends on the seed and these integers alone. */
export function read(...sequence: readonly number[]): void {
  const uniform = seededUniforms(seed, ...sequence);
  if (uniform() < performanceWorkload.listShare) {
    const page = pages[Math.floor(uniform() * pages.length)];
    if (page === undefined) throw new Error('the workload declares no list pages');
    const { status, body } = http.get(page, listParameters);
    if (status === 200 && !startsWith(body, '{"items":[{')) wrongBody.add(1);
  } else {
    const id = performanceIdOfRank(zipfRank(uniform));
    const { status, body } = http.get(`${apiUrl}/performances/${id}`, detailParameters);
    if (status === 200 && !startsWith(body, `{"id":${id},`)) wrongBody.add(1);
  }
}

/** Its head tells what a body is; to parse it would cost the generator more than the request. */
function startsWith(body: string | null, prefix: string): boolean {
  return body !== null && body.startsWith(prefix);
}

/** The declared writes as a scenario of its own, which calls `write`; none when WRITES is off. */
export function writeScenario(): Record<string, Scenario> {
  const { firstWriteAfterSeconds, writePeriodSeconds } = performanceWorkload;
  const remainingSeconds = durationSeconds - firstWriteAfterSeconds;
  if (!onOrOff('WRITES') || remainingSeconds <= 0) return {};
  return {
    writes: {
      executor: 'constant-arrival-rate',
      exec: 'write',
      startTime: `${firstWriteAfterSeconds}s`,
      rate: 1,
      timeUnit: `${writePeriodSeconds}s`,
      duration: inMilliseconds(remainingSeconds),
      preAllocatedVUs: 2,
      gracefulStop: requestTimeout,
    },
  };
}

export function write(): void {
  const { performanceId, title } = performanceWrite(naturalNumber('WRITE_INDEX') + exec.scenario.iterationInTest);
  const { status, body } = http.patch(`${apiUrl}/performances/${performanceId}`, JSON.stringify({ title }), {
    tags: { name: 'write' },
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${text('API_TOKEN')}` },
    responseType: 'text',
    timeout: requestTimeout,
  });
  if (status === 200 && !startsWith(body, `{"id":${performanceId},`)) wrongBody.add(1);
}

export const loadDuration = inMilliseconds(durationSeconds);

function inMilliseconds(seconds: number): string {
  return `${Math.round(seconds * 1000)}ms`;
}
