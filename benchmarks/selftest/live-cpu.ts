import { calibratePostgres, calibrateSqlite } from './calibrate-engines.ts';
import { objectionsTo } from './cpu-calibration.ts';
import type { SelfTestCase } from './self-test-case.ts';

/** The probes of the database's CPU against a burn that is known. */
export const liveCpuCases: readonly SelfTestCase[] = [
  {
    name: 'live: a known burn of CPU in SQLite’s threads',
    mustSay: 'nothing',
    run: async () => objectionsTo(await calibrateSqlite()),
  },
  {
    name: 'live: a known burn of CPU in PostgreSQL',
    mustSay: 'nothing',
    run: async ({ lab }) => objectionsTo(await calibratePostgres((await lab()).variant('before'))),
  },
  {
    name: 'live: a known burn of CPU in PostgreSQL, and a probe that misses processes that have ended',
    mustSay: /^blind is off by -/,
    run: async ({ lab }) => objectionsTo(await calibratePostgres((await lab()).variant('before')), ['blind']),
  },
];
