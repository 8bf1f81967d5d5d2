import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { RunningVariant } from '../environments/environment.ts';
import type { GuardOutcome, VariantId } from '../evidence/schema.ts';
import { experiment } from '../experiments/performance-cache.ts';
import { checkCommit, checkContent } from '../protocol/content.ts';
import type { SlotPorts, SlotResult } from '../protocol/slot.ts';
import { administer, whileEmptying, whileTooSmall, withForeignLoad, withRedis } from './live-harm.ts';
import type { LiveLab, LivePlan } from './live-lab.ts';
import { invalidReasons, readRecordedRun, withOutcome, withSlotOutcomes } from './recorded-run.ts';
import type { SelfTestCase, SelfTestContext } from './self-test-case.ts';

const run = promisify(execFile);

interface LiveMutation extends LivePlan {
  readonly name: string;
  readonly guard: string;
  /** Others that it may trip, too; any other one would be an accident. */
  readonly also?: readonly string[];
  /** As what the slot is judged. Default: as what it was. */
  readonly label?: VariantId;
  /** It is load from outside that is planted: the slot stands as it is. */
  readonly isForeign?: boolean;
  /** Hurts what runs for as long as the slot takes. Default: nothing is hurt. */
  readonly around?: (
    variant: RunningVariant,
    slot: (ports?: Partial<SlotPorts>) => Promise<SlotResult>,
  ) => Promise<SlotResult>;
}

/** What is said of a generator that does not get the CPU it needs, for whatever reason. */
const delayed = ['achieved-rate', 'dropped-iterations', 'virtual-users', 'schedule-lag', 'percentiles-agree'];

const mutations: readonly LiveMutation[] = [
  {
    name: 'live: the generator is asked for more than it can',
    guard: 'generator-cpu',
    // What meets an overloaded service may be refused, and repeated reads of a rate that never came are not hit.
    also: [...delayed, 'failed-requests', 'hit-ratio', 'request-counts'],
    variant: 'after',
    offered: 6000,
  },
  {
    name: 'live: something else keeps a core busy',
    guard: 'foreign-cpu',
    also: [...delayed, 'steal', 'cpu-budget'],
    isForeign: true,
    variant: 'after',
    around: async (_, slot) => withForeignLoad(slot),
  },
  {
    name: 'live: the service may not read its tables, and says so fast',
    guard: 'failed-requests',
    // The service counts what it has answered a read with, and an error is nothing of that.
    also: ['request-counts', 'hit-ratio'],
    variant: 'before',
    around: async ({ database }, slot) => {
      await administer(database, 'REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM ticketing');
      try {
        return await slot();
      } finally {
        await administer(database, 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO ticketing');
      }
    },
  },
  {
    name: 'live: the cache is emptied all the time, and never hit',
    guard: 'hit-ratio',
    variant: 'after',
    around: async ({ redisCacheUrl }, slot) => withRedis(redisCacheUrl, (redis) => whileEmptying(redis, slot)),
  },
  {
    name: 'live: a key in the cache lives for ever',
    guard: 'keys-without-ttl',
    variant: 'after',
    around: async (_, slot) =>
      slot({
        emptyCache: ({ redisCacheUrl }) =>
          withRedis(redisCacheUrl, async (redis) => {
            await redis.flushall('SYNC');
            await redis.set('immortal', '1');
          }),
      }),
  },
  {
    name: 'live: the cache has no room for what is read',
    guard: 'evictions',
    also: ['hit-ratio'],
    variant: 'after',
    around: async ({ redisCacheUrl }, slot) => withRedis(redisCacheUrl, (redis) => whileTooSmall(redis, slot)),
  },
  {
    name: 'live: a slot with the cache is taken for one without',
    guard: 'hit-ratio',
    variant: 'after',
    label: 'before',
  },
  {
    name: 'live: a slot without the cache is taken for one with it',
    guard: 'hit-ratio',
    variant: 'before',
    label: 'after',
  },
  {
    name: 'live: the database is emptied under the service',
    guard: 'wrong-bodies',
    also: ['failed-requests'],
    variant: 'before',
    around: async ({ database }, slot) => {
      await administer(database, 'TRUNCATE performances CASCADE');
      return slot();
    },
  },
];

/** Why a published run would be INVALID if these had been the outcomes of one of its slots. */
async function reasonsOf(
  { sources }: SelfTestContext,
  variant: VariantId,
  guards: readonly GuardOutcome[],
): Promise<readonly string[]> {
  const { evidence } = await readRecordedRun(sources);
  return invalidReasons(withSlotOutcomes(evidence, variant, guards));
}

const healthyCases = (['before', 'after'] as const).map((variant): SelfTestCase => {
  return {
    name: `live: a slot of ${variant} as it is`,
    mustSay: 'nothing',
    run: async (context) => {
      const lab = await context.lab();
      return reasonsOf(context, variant, lab.judge(await lab.undisturbed(() => lab.run({ variant }))));
    },
  };
});

function caseOf({ name, guard, also = [], label, isForeign = false, around, ...plan }: LiveMutation): SelfTestCase {
  return {
    name,
    mustSay: new RegExp(`^guard ${guard} did not hold`),
    run: async (context) => {
      const lab = await context.lab();
      context.onStep('one slot');
      const slot = (ports?: Partial<SlotPorts>): Promise<SlotResult> => lab.run(plan, ports);
      const hurt = () => (around === undefined ? slot() : around(lab.variant(plan.variant), slot));
      const result = isForeign ? await hurt() : await lab.undisturbed(hurt);
      const reasons = await reasonsOf(context, label ?? plan.variant, lab.judge(result, label));
      const expected = [guard, ...also].map((of) => `guard ${of} did not hold`);
      const accident = reasons.find((reason) => !expected.some((start) => reason.startsWith(start)));
      if (accident !== undefined) throw new Error(`this was not expected: ${accident}`);
      return reasons;
    },
  };
}

async function outcomeCase(
  { sources, lab }: SelfTestContext,
  check: (lab: LiveLab) => Promise<GuardOutcome>,
): Promise<readonly string[]> {
  const { evidence } = await readRecordedRun(sources);
  return invalidReasons(withOutcome(evidence, await check(await lab())));
}

const commitOf = async (sources: string, ref: string): Promise<string> =>
  (await run('git', ['rev-parse', ref], { cwd: sources })).stdout.trim();

const { performances, showtimesPerPerformance } = experiment.content;
const content = { performances, showtimes: performances * showtimesPerPerformance };

/** Each for a slot of a live service, or for what it answers. The last two empty the database of *before*. */
export const liveMutationCases: readonly SelfTestCase[] = [
  ...healthyCases,
  {
    name: 'live: the service is of the commit that was meant',
    mustSay: 'nothing',
    run: (context) =>
      outcomeCase(context, async (lab) => checkCommit(lab.variant('after'), await commitOf(context.sources, 'HEAD'))),
  },
  {
    name: 'live: the service is of another commit than the one that was meant',
    mustSay: /^guard commit-of-after did not hold/,
    run: (context) =>
      outcomeCase(context, async (lab) => checkCommit(lab.variant('after'), await commitOf(context.sources, 'HEAD~1'))),
  },
  ...mutations.map(caseOf),
  {
    name: 'live: the database is empty',
    mustSay: /^guard content-of-before did not hold/,
    run: (context) =>
      outcomeCase(context, async (lab) => {
        await administer(lab.variant('before').database, 'TRUNCATE performances CASCADE');
        return checkContent(lab.variant('before'), content);
      }),
  },
];
