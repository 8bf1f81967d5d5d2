import { expect, test } from 'vitest';

import { analyzeTrials } from '../analysis/analyze-trials.ts';
import { checkTrialsConsistency } from '../evidence/check-trials-consistency.ts';
import type { PoolHolders } from '../evidence/pool-holders-schema.ts';
import type { TrialsEvidence } from '../evidence/trials-schema.ts';
import { renderReport } from '../report/render-report.ts';
import { syntheticCrashes } from './synthetic-trials.ts';

/** Two trials of a pool of 10, whose connections are 9 of 10 in the hands of one transaction, which is idle. */
const held: PoolHolders = {
  seconds: 10,
  poolSize: 10,
  owners: [
    { owner: 'list-performances', heldSeconds: 5, idleSeconds: 0 },
    { owner: 'change-performance', heldSeconds: 90, idleSeconds: 81 },
  ],
  statements: [
    { query: 'list-performances', calls: 400, seconds: 5 },
    { query: 'update-performance', calls: 40, seconds: 0.2 },
  ],
  samples: 20,
  backends: [
    { state: 'idle', statement: 'select 1', connections: 20, longestTransactionSeconds: 0 },
    { state: 'idle in transaction', statement: 'update …', connections: 180, longestTransactionSeconds: 1.9 },
  ],
};
const other: PoolHolders = {
  ...held,
  owners: [{ owner: 'change-performance', heldSeconds: 105, idleSeconds: 105 }],
  backends: [{ state: 'idle in transaction', statement: 'update …', connections: 200, longestTransactionSeconds: 2.1 }],
};

function evidenceWith(...holders: readonly PoolHolders[]): TrialsEvidence {
  const evidence = syntheticCrashes(2);
  const trials = evidence.trials.map((trial) => {
    const own = trial.series === 'async' ? holders[trial.trial - 1] : undefined;
    return own ? { ...trial, poolHolders: own } : trial;
  });
  return { ...evidence, trials };
}

test('who held the pool is summed up over the trials of a series, the largest share first', () => {
  const [pool, ...none] = analyzeTrials(evidenceWith(held, other)).pools;
  expect(none).toEqual([]);
  expect(pool).toMatchObject({ trials: 2, heldConnections: 10, poolSize: 10 });
  expect(pool?.owners).toEqual([
    { owner: 'change-performance', share: 0.975, idleShare: 186 / 195, callsPerSecond: undefined },
    { owner: 'list-performances', share: 0.025, idleShare: 0, callsPerSecond: 40 },
  ]);
  expect(pool?.backends).toEqual([
    { state: 'idle in transaction', statement: 'update …', share: 0.95, longestTransactionSeconds: 2.1 },
    { state: 'idle', statement: 'select 1', share: 0.05, longestTransactionSeconds: 0 },
  ]);
});

test('the report names the cause by the shares that were computed, and has no such section without them', () => {
  const report = renderReport(evidenceWith(held, other))['report.md'];
  expect(report).toContain('What held the pool');
  expect(report).toMatch(
    /10 of 10 connections .*98 % .*change\\?-performance.*95 %.*95 % idle in transaction \(for up to 2\.10 s\)/,
  );
  const mended: PoolHolders = {
    ...held,
    owners: held.owners.toReversed().map((one, at) => ({ ...one, heldSeconds: at + 1, idleSeconds: 0 })),
  };
  expect(renderReport(evidenceWith(mended, mended))['report.md']).toMatch(/67 % .*list\\?-performances/);
  expect(renderReport(syntheticCrashes(2))['report.md']).not.toContain('What held the pool');
});

test.each<[string, Partial<PoolHolders>, string]>([
  [
    'an owner that was idle for longer than it held',
    { owners: [{ owner: 'ping', heldSeconds: 1, idleSeconds: 2 }] },
    'ping held',
  ],
  [
    'more than the pool has',
    { owners: [{ owner: 'ping', heldSeconds: 200, idleSeconds: 0 }] },
    '10 connections were held for 200 s',
  ],
  ['more backends than connections', { samples: 1 }, '200 connections were seen in 1 samples of 10'],
])('evidence with %s is refused', (_what, odd, message) => {
  checkTrialsConsistency(evidenceWith(held, other));
  expect(() => checkTrialsConsistency(evidenceWith(held, { ...held, ...odd }))).toThrow(message);
});
