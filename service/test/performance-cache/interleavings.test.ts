import { env as environment } from 'node:process';

import fc from 'fast-check';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { entryKeys } from '../../src/performance-cache/keys.ts';
import { createLoadLimit } from '../../src/performance-cache/load-limit.ts';
import { createLookAsidePerformanceCache } from '../../src/performance-cache/look-aside.ts';
import { createPerformanceCacheMetrics } from '../../src/performance-cache/performance-cache-metrics.ts';
import { createCounterVersions } from '../controls/counter-versions.ts';
import { createPlainGetOrLoad } from '../controls/plain-get-or-load.ts';
import { detail, list, lookAside } from './cache-under-test.ts';
import { createLane } from './interleaving.ts';
import type { Interleaving, Lane, Scenario } from './interleaving.ts';
import { startRedisProcess } from './redis-process.ts';
import type { RedisProcess } from './redis-process.ts';

const isLong = environment['LONG'] === '1';
const seed = Number(environment['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const lanesBeside = 100;

let redis: RedisProcess;
let shared: Redis;
let lanes: readonly Lane[];
beforeAll(async () => {
  redis = await startRedisProcess();
  shared = new Redis(redis.url);
  lanes = Array.from({ length: lanesBeside }, (_, index) => createLane(shared, `lane ${index}`));
  // The server gets to know the scripts: afterwards each is one command.
  await lanes[0]?.run({ ...threeProcesses, createCache: lookAsideCache }, () => 0);
});
afterAll(async () => {
  shared.disconnect();
  await redis.stop();
});

const metrics = createPerformanceCacheMetrics(new Registry());

const lookAsideCache: Scenario['createCache'] = ({ client, clock, sleep }) =>
  createLookAsidePerformanceCache(
    // A wait for another process's lease is one pause, and then a load.
    { ...lookAside, redisUrl: redis.url, leaseWaitMs: 5 },
    {
      connection: {
        ask: async (command) => ({ answered: true, reply: await command(client) }),
        distrust: () => undefined,
        close: () => undefined,
      },
      loadLimit: createLoadLimit({ maxLoadsInFlight: 8, queueTimeoutMs: 1_000, onInFlight() {}, onOverload() {} }),
      metrics,
      clock,
      sleep,
      random: () => 0.5,
    },
  );
const plainCache: Scenario['createCache'] = ({ client }) => createPlainGetOrLoad(client, lookAside.ttlMs);
const countingCache: Scenario['createCache'] = ({ client }) => createCounterVersions(client, lookAside.ttlMs);

const threeProcesses = { key: detail(1), readers: [1, 2], writers: [3], isWarm: false, evicted: [] };
const keys = [detail(1), list('opera'), list()];
const keysOf = (key: Scenario['key']): readonly string[] => {
  const { value, lease, tokens } = entryKeys(key);
  return [value, lease, ...tokens];
};

interface Summary {
  readonly interleavings: number;
  readonly stale: readonly string[];
}

/** Every order of the steps there is, each once: the first choices are given, and all others branch off. */
async function enumerate(scenario: Scenario): Promise<Summary> {
  const unexplored: number[][] = [[]];
  const stale: string[] = [];
  let interleavings = 0;
  while (unexplored.length > 0) {
    const batch = unexplored.splice(-lanesBeside);
    const outcomes = await runBeside(
      batch.map((given) => {
        let depth = 0;
        return { scenario, choose: () => given[depth++] ?? 0 };
      }),
    );
    for (const [index, { choices, stale: found }] of outcomes.entries()) {
      interleavings += 1;
      stale.push(...found);
      for (let depth = batch[index]?.length ?? 0; depth < choices.length; depth += 1) {
        const before = choices.slice(0, depth).map(({ chosen }) => chosen);
        for (let other = 1; other < (choices[depth]?.options ?? 0); other += 1) unexplored.push([...before, other]);
      }
    }
  }
  return { interleavings, stale };
}

async function runBeside(
  runs: readonly { readonly scenario: Scenario; readonly choose: (options: number) => number }[],
): Promise<readonly Interleaving[]> {
  await shared.flushall();
  return Promise.all(
    runs.map(({ scenario, choose }, index) => {
      const lane = lanes[index];
      if (!lane) throw new Error(`there are ${lanes.length} lanes, and ${runs.length} runs at a time`);
      return lane.run(scenario, choose);
    }),
  );
}

/** Which process each works in: all apart, only the readers together, a reader with the writer, all together. */
const topologies = [
  { readers: [1, 2], writers: [3] },
  { readers: [1, 1], writers: [2] },
  { readers: [1, 2], writers: [1] },
  { readers: [1, 1], writers: [1] },
] as const;
const complete = keys.flatMap((key) => topologies.map((topology) => ({ key, ...topology })));
const short = [
  { key: detail(1), ...topologies[0] },
  { key: list('opera'), ...topologies[1] },
];

const describeScenario = ({ key, readers, writers }: Pick<Scenario, 'key' | 'readers' | 'writers'>): string =>
  `${entryKeys(key).value}, readers in ${readers.join(' and ')}, the writer in ${writers.join(' and ')}`;

describe('two readers and a writer, in every order of their steps', () => {
  it.each((isLong ? complete : short).map((scenario) => [describeScenario(scenario), scenario] as const))(
    'no read that starts after the answer gets the older version: %s',
    async (_name, scenario) => {
      const request = { ...scenario, evicted: [], createCache: lookAsideCache };
      const cold = await enumerate({ ...request, isWarm: false });
      const warm = await enumerate({ ...request, isWarm: true });
      expect([...cold.stale, ...warm.stale]).toEqual([]);
      expect(cold.interleavings).toBeGreaterThan(3_000);
      expect(warm.interleavings).toBeGreaterThan(80);
    },
    600_000,
  );

  it('control: without a lease some do', async () => {
    const { stale } = await enumerate({ ...threeProcesses, createCache: plainCache });
    expect(stale).not.toEqual([]);
  });
});

describe('with an eviction at any moment', () => {
  const scenario = { ...threeProcesses, key: list('opera'), isWarm: true };

  it.each(isLong ? keysOf(scenario.key) : keysOf(scenario.key).slice(-1))(
    'of %s, none does either',
    async (lost) => {
      const { interleavings, stale } = await enumerate({ ...scenario, evicted: [lost], createCache: lookAsideCache });
      expect(stale).toEqual([]);
      expect(interleavings).toBeGreaterThan(100);
    },
    600_000,
  );

  it('control: counters bring pages back that were void, which random versions do not', async () => {
    const [, , , version = ''] = keysOf(scenario.key);
    const request = { ...scenario, readers: [1], createCache: countingCache };
    expect(await enumerate(request)).toMatchObject({ stale: [] });
    const { stale } = await enumerate({ ...request, evicted: [version] });
    expect(stale).not.toEqual([]);
  });
});

describe('three readers and two writers, in orders drawn at random', () => {
  const runsPerPart = 20_000;
  /** Each draws from a seed of its own: a long run tells how far it is, and any part can be run by itself. */
  const parts = Array.from({ length: isLong ? 50 : 1 }, (_, index) => index + 1);
  const process = fc.integer({ min: 1, max: 3 });
  const drawn = fc
    .record({
      key: fc.constantFrom(...keys),
      readers: fc.tuple(process, process, process),
      writers: fc.tuple(process, process),
      isWarm: fc.boolean(),
      lost: fc.nat(9),
      order: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    })
    .map(({ lost, order, ...rest }) => {
      let at = 0;
      const choose = (options: number): number => (order[at++ % order.length] ?? 0) % options;
      return { scenario: { ...rest, evicted: keysOf(rest.key).slice(lost, lost + 1) }, choose };
    });

  const holds = (createCache: Scenario['createCache'], batches: number, part = 0) =>
    fc.assert(
      fc.asyncProperty(fc.array(drawn, { minLength: lanesBeside, maxLength: lanesBeside }), async (batch) => {
        const beside = batch.map(({ scenario, choose }) => ({ scenario: { ...scenario, createCache }, choose }));
        const outcomes = await runBeside(beside);
        expect(outcomes.flatMap(({ stale }) => stale)).toEqual([]);
      }),
      { seed: seed + part, numRuns: batches, endOnFailure: true },
    );

  it.each(parts)(
    `hold in ${runsPerPart} of them (part %i of ${parts.length}, SEED=${seed})`,
    async (part) => {
      await expect(holds(lookAsideCache, runsPerPart / lanesBeside, part)).resolves.toBeUndefined();
    },
    180_000,
  );

  it.each([
    ['without a lease', plainCache],
    ['with counters', countingCache],
  ])('control: %s they do not', async (_name, createCache) => {
    await expect(holds(createCache, 20)).rejects.toThrow('after');
  });
});
