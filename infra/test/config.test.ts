import { expect, test } from 'vitest';

import { parseSettings, secretProblem } from '../config.ts';

const settings = { kind: 'dev', serviceImage: 'ticketing-service:0123456789ab' };

/** What is said of these settings, one problem a line. */
function problems(changes: Readonly<Record<string, unknown>>): string {
  try {
    parseSettings('trial', { ...settings, ...changes });
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test('two lines are enough for a stack', () => {
  expect(problems({})).toBe('');
});

test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
  ['an unknown key', { replicas: 2 }, /replicas/],
  ['SQLite with workers', { database: 'sqlite' }, /workerReplicas to 0/],
  ['replicas that nothing stands before', { apiReplicas: 2 }, /reverseProxy: must be true with 2 replicas/],
  ['Grafana with nothing to show', { monitoring: false }, /grafana: must be false/],
  ['an image by its tag in prod', { kind: 'prod' }, /images.redis: must be an image by digest in prod, got "redis:/],
  ['a secret among the variables', { serviceVariables: { API_TOKEN: 'x' } }, /no variable that a stack may change/],
  ['a port that there is not', { apiPort: 70_000 }, /apiPort/],
  ['CPUs in words', { cpuSets: { data: 'first' } }, /must be a list of CPUs/],
])('refuses %s, and says why', (_what, changes, words) => {
  expect(problems(changes)).toMatch(words);
});

test('tells of every problem at once', () => {
  const text = problems({ apiPort: 0, prometheusPort: 0 });
  expect(text).toMatch(/apiPort/);
  expect(text).toMatch(/prometheusPort/);
});

test('refuses a secret that is short or needs encoding in an address, without repeating it', () => {
  expect(secretProblem('databasePassword', 'p@ssword/p@ssword')).not.toContain('p@ssword');
  expect(secretProblem('databasePassword', 'short')).toContain('databasePassword: must be 16');
  expect(secretProblem('databasePassword', 'a-good-one-0123456789')).toBeUndefined();
});
