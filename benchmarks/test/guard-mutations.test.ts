import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { experiment } from '../experiments/performance-cache.ts';
import { caseOf, mutatedSampleCases } from '../selftest/mutated-samples.ts';
import { runCase, type SelfTestContext } from '../selftest/self-test-case.ts';
import { tamperedFileCases } from '../selftest/tampered-files.ts';
import { wrongServiceCases } from '../selftest/wrong-service.ts';

const context: SelfTestContext = {
  sources: join(import.meta.dirname, '..', '..'),
  onStep: () => {},
  signal: new AbortController().signal,
  lab: () => Promise.reject(new Error('what is recorded needs no live lab')),
};

describe('what is said when', () => {
  test.each([...mutatedSampleCases, ...tamperedFileCases, ...wrongServiceCases])('$name', async (testCase) => {
    expect(await runCase(testCase, context)).toMatchObject({ caught: true });
  });
});

test.each(experiment.guards.measured)('the guard %s has a mutation that must trip it', (guard) => {
  expect(mutatedSampleCases.map(({ mustSay }) => String(mustSay))).toContain(`/^guard ${guard} did not hold/`);
});

describe('a mutation of recorded samples is not caught', () => {
  test('when nothing was changed', async () => {
    const unchanged = caseOf({ name: 'none', guard: 'clock-step', mutate: (evidence) => evidence });
    expect(await runCase(unchanged, context)).toMatchObject({ caught: false, said: 'nothing' });
  });

  test('when another guard trips than the one that is meant for it', async () => {
    const otherGuard = caseOf({
      name: 'none',
      guard: 'clock-step',
      mutate: (own) => ({ ...own, samples: own.samples.filter(({ metric }) => metric !== 'wrong_bodies') }),
    });
    expect(await runCase(otherGuard, context)).toMatchObject({
      caught: false,
      said: expect.stringContaining('not expected'),
    });
  });
});
