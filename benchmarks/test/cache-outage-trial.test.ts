import { expect, test } from 'vitest';

import { timelineProblem } from '../evidence/check-timeline.ts';
import { openCacheOutages } from '../faults/cache-outage/cache-outage.ts';
import { databaseCoreUnavailable, parseCpuList } from '../faults/cache-outage/database-core.ts';
import type { CacheOutage } from '../faults/cache-outage/outage-plan.ts';
import { outageTimeline } from '../faults/cache-outage/outage-timeline.ts';

/** Little and short, at a load that leaves a busy machine its time: what is tried is that everything is seen. */
const outage: CacheOutage = {
  capacities: 0.2,
  faults: ['killed', 'frozen'],
  seconds: { before: 1, fault: 1.5, back: 2 },
  capacitySeconds: { warmUp: 0.3, measured: 0.7 },
  intervalSeconds: 0.5,
  maxLoadsInFlight: 4,
  poolSize: 10,
  content: { performances: 500, randomSeed: 1, relativeTo: '2099-01-01T00:00:00.000Z' },
  pageSizes: 4,
  expectedSeconds: 2,
  latestStartSeconds: 1,
};
const nothing = { step() {}, signal: new AbortController().signal, random: () => 0.5 };
const unavailable = await databaseCoreUnavailable();

test.skipIf(unavailable !== undefined && process.env['REQUIRE_ALL'] !== '1')(
  'a trial sees readers, database and breaker through a killed and a frozen Redis',
  async () => {
    const series = await openCacheOutages(outage, { ...nothing, profile: 'quick', database: 'postgres' });
    try {
      const { timeline, reads, values, faults, recoverySeconds } = await series.runTrial({ ...nothing, trial: 1 });
      expect(timelineProblem(outageTimeline(0.5, 4), timeline)).toBeUndefined();
      expect(timeline?.marks.map(({ label }) => label)).toEqual([
        'cache in order',
        'Redis killed',
        'back, empty',
        'Redis frozen',
        'back from the freeze',
      ]);
      expect(faults).toBe(2);
      expect(recoverySeconds).toHaveLength(2);
      expect(values['capacity_per_second']).toBeGreaterThan(20);
      expect(reads).toMatchObject({ answered: reads?.asked, refused: 0, wrong: 0 });
      const column = (id: string) => timeline?.values[id] ?? [];
      // Hits at first, none while it is dead, and then hits again.
      expect(column('hit_percent')[0]).toBe(100);
      expect(column('hit_percent')).toContain(0);
      expect(column('hit_percent').at(-1)).toBe(100);
      expect(Math.max(...column('statements_per_second').map(Number))).toBeGreaterThan(1);
      expect(Math.max(...column('database_cores').map(Number))).toBeGreaterThan(0);
      // Open while Redis hangs, and closed at the end.
      expect(column('breaker')).toContain(2);
      expect(column('breaker').at(-1)).toBe(0);
    } finally {
      await series.close();
    }
  },
  90_000,
);

test.each([
  ['0', [0]],
  ['0,1', [0, 1]],
  ['0-2,5', [0, 1, 2, 5]],
])('the list of CPUs %s is %j', (list, cpus) => {
  expect(parseCpuList(list)).toEqual(cpus);
});

test('what is no list of CPUs is refused by name', () => {
  expect(() => parseCpuList('all')).toThrow('"all" is no list of CPUs such as 0,2-4');
});
