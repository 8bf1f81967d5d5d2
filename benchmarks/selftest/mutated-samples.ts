import type { Evidence, Slot, VariantId } from '../evidence/schema.ts';
import { experiment } from '../experiments/performance-cache.ts';
import { judgeAgain } from './judge-again.ts';
import { invalidReasons, readRecordedRun } from './recorded-run.ts';
import type { SelfTestCase } from './self-test-case.ts';

interface Mutation {
  readonly name: string;
  readonly guard: string;
  /** Others that may trip, too; any other one would be an accident. */
  readonly also?: readonly string[];
  readonly mutate: (evidence: Evidence) => Evidence;
}

type Reading = (metric: string) => number;
type Change = (reading: Reading) => Readonly<Record<string, number>>;

/** The samples of these slots, changed; a metric that a slot does not have is a mistake here. */
function changeSamples(evidence: Evidence, isMeant: (slot: Slot) => boolean, change: Change): Evidence {
  const changed = new Map<string, Readonly<Record<string, number>>>();
  for (const slot of evidence.run.slots.filter(isMeant)) {
    const own = new Map(evidence.samples.filter((sample) => sample.slot === slot.id).map((s) => [s.metric, s.value]));
    const reading = (metric: string): number => {
      const value = own.get(metric);
      if (value === undefined) throw new Error(`slot ${slot.id} has no ${metric} to be changed`);
      return value;
    };
    const values = change(reading);
    for (const metric of Object.keys(values)) reading(metric);
    changed.set(slot.id, values);
  }
  const samples = evidence.samples.map((sample) => {
    return { ...sample, value: changed.get(sample.slot)?.[sample.metric] ?? sample.value };
  });
  return { ...evidence, samples };
}

const measured = (variant?: VariantId) => (slot: Slot) =>
  slot.role === 'measured' && (variant === undefined || slot.variant === variant);

const inOneSlot =
  (variant: VariantId, change: Change) =>
  (evidence: Evidence): Evidence => {
    const first = evidence.run.slots.find(measured(variant));
    return changeSamples(evidence, (slot) => slot === first, change);
  };

/** CPU that these used beside what was recorded, so that the machine idled less. */
const busier =
  (metric: string, share: number, of: string): Change =>
  (reading) => {
    const seconds = share * reading(of);
    return { [metric]: reading(metric) + seconds, idle_cpu_seconds: reading('idle_cpu_seconds') - seconds };
  };

function swapLabels({ run, ...rest }: Evidence): Evidence {
  const other = { before: 'after', after: 'before' } as const;
  const slots = run.slots.map((slot) => (slot.block === 1 ? { ...slot, variant: other[slot.variant] } : slot));
  return { ...rest, run: { ...run, slots } };
}

/** A share of the hits turned into misses. */
const fewerHits =
  (share: number): Change =>
  (reading) => {
    const lost = Math.round(share * reading('cache_hits'));
    return { cache_hits: reading('cache_hits') - lost, cache_misses: reading('cache_misses') + lost };
  };

const mutations: readonly Mutation[] = [
  {
    name: 'the generator is saturated',
    guard: 'generator-cpu',
    mutate: inOneSlot('after', busier('generator_cpu_seconds', 0.65, 'window_seconds')),
  },
  {
    name: 'the generator has hardly a user left',
    guard: 'virtual-users',
    mutate: inOneSlot('after', () => ({ virtual_user_share: 0.9 })),
  },
  {
    name: 'the generator asks 10 ms late',
    guard: 'schedule-lag',
    mutate: inOneSlot('after', () => ({ schedule_lag_median_seconds: 0.01 })),
  },
  {
    name: 'the generator drops an iteration',
    guard: 'dropped-iterations',
    mutate: inOneSlot('before', (reading) => ({ dropped_iterations: 1, reads: reading('reads') - 1 })),
  },
  {
    name: 'the generator falls behind by 2 %',
    guard: 'achieved-rate',
    mutate: inOneSlot('before', (reading) =>
      Object.fromEntries(
        ['reads', 'requests', 'http_requests', 'cache_bypasses'].map((metric) => [metric, 0.98 * reading(metric)]),
      ),
    ),
  },
  {
    name: 'errors are served, fast',
    guard: 'failed-requests',
    mutate: inOneSlot('before', (reading) => {
      const errors = Math.round(reading('reads') / 20);
      return { failed_requests: errors, http_errors: errors, response_bytes: 0.95 * reading('response_bytes') };
    }),
  },
  {
    name: 'pages without what they should show are served, fast',
    guard: 'wrong-bodies',
    mutate: inOneSlot('after', (reading) => ({ wrong_bodies: reading('reads'), response_bytes: reading('reads') })),
  },
  {
    name: 'the cache is never hit',
    guard: 'hit-ratio',
    also: ['hit-ratio-of-run'],
    mutate: inOneSlot('after', fewerHits(1)),
  },
  {
    name: 'the cache is hit a little less than predicted, all the time',
    guard: 'hit-ratio-of-run',
    mutate: (evidence) => changeSamples(evidence, measured('after'), fewerHits(0.04)),
  },
  {
    name: 'one hit where there is no cache',
    guard: 'hit-ratio',
    mutate: inOneSlot('before', (reading) => ({ cache_hits: 1, cache_bypasses: reading('cache_bypasses') - 1 })),
  },
  {
    name: 'a key is evicted from the cache',
    guard: 'evictions',
    mutate: inOneSlot('after', () => ({ redis_cache_evictions: 1 })),
  },
  {
    name: 'a key in the cache lives for ever',
    guard: 'keys-without-ttl',
    mutate: inOneSlot('after', () => ({ redis_cache_keys_without_ttl: 1 })),
  },
  {
    name: 'the variants are swapped in one block',
    guard: 'hit-ratio',
    also: ['hit-ratio-of-run'],
    mutate: swapLabels,
  },
  {
    name: 'the clock steps by 0.1 s',
    guard: 'clock-step',
    mutate: inOneSlot('before', () => ({ clock_step_seconds: -0.1 })),
  },
  {
    name: 'something else uses 6 % of the machine',
    guard: 'foreign-cpu',
    mutate: inOneSlot('after', busier('other_cpu_seconds', 0.06, 'machine_cpu_seconds')),
  },
  {
    name: 'the host takes 6 % of the machine',
    guard: 'steal',
    mutate: inOneSlot('after', busier('steal_cpu_seconds', 0.06, 'machine_cpu_seconds')),
  },
  {
    name: 'it was not read whether bodies were wrong',
    guard: 'wrong-bodies',
    mutate: (evidence) => ({
      ...evidence,
      samples: evidence.samples.filter(
        ({ slot, metric }) => slot !== evidence.run.slots.find(measured())?.id || metric !== 'wrong_bodies',
      ),
    }),
  },
  {
    name: 'the lab’s percentiles lie 10 % from k6’s own',
    guard: 'percentiles-agree',
    mutate: inOneSlot('after', () => ({ percentile_disagreement: 0.1 })),
  },
];

/** One probe that lies by as much in every slot, and the guards that hold it against something else. */
const liars: readonly (Pick<Mutation, 'guard' | 'also'> & { readonly metric: string; readonly percent: number })[] = [
  { metric: 'database_cpu_seconds', percent: 10, guard: 'database-cpu-sources', also: ['cpu-budget'] },
  { metric: 'database_cpu_seconds', percent: -10, guard: 'database-cpu-sources', also: ['cpu-budget'] },
  { metric: 'database_cpu_seconds_second_source', percent: 10, guard: 'database-cpu-sources' },
  { metric: 'database_cpu_seconds_second_source', percent: -10, guard: 'database-cpu-sources' },
  { metric: 'idle_cpu_seconds', percent: 10, guard: 'cpu-budget' },
  { metric: 'idle_cpu_seconds', percent: -10, guard: 'cpu-budget' },
  { metric: 'machine_cpu_seconds', percent: 10, guard: 'cpu-budget' },
  { metric: 'machine_cpu_seconds', percent: -10, guard: 'cpu-budget' },
  { metric: 'window_seconds', percent: 10, guard: 'achieved-rate' },
  { metric: 'requests', percent: 10, guard: 'request-counts' },
  { metric: 'requests', percent: -10, guard: 'request-counts' },
  { metric: 'reads', percent: 10, guard: 'request-counts' },
  { metric: 'reads', percent: -10, guard: 'request-counts', also: ['achieved-rate'] },
  { metric: 'http_requests', percent: 10, guard: 'request-counts' },
  { metric: 'http_requests', percent: -10, guard: 'request-counts' },
  { metric: 'cache_hits', percent: 10, guard: 'request-counts' },
  { metric: 'cache_hits', percent: -10, guard: 'request-counts' },
  { metric: 'cache_bypasses', percent: 10, guard: 'request-counts' },
  { metric: 'cache_bypasses', percent: -10, guard: 'request-counts' },
];

const lies = liars.map(({ metric, percent, ...guards }): Mutation => ({
  name: `the probe of ${metric} lies by ${percent} %`,
  ...guards,
  mutate: (evidence) =>
    changeSamples(evidence, measured(), (reading) => ({ [metric]: (1 + percent / 100) * reading(metric) })),
}));

/** What the guards say about the recorded run once it is mutated; breaks when one trips that has nothing to do with it. */
export function caseOf({ name, guard, also = [], mutate }: Mutation): SelfTestCase {
  const expected = [guard, ...also].map((of) => `guard ${of} did not hold`);
  return {
    name,
    mustSay: new RegExp(`^guard ${guard} did not hold`),
    run: async ({ sources }) => {
      const { evidence } = await readRecordedRun(sources);
      const reasons = invalidReasons(judgeAgain(mutate(evidence), experiment));
      const accident = reasons.find((reason) => !expected.some((start) => reason.startsWith(start)));
      if (accident !== undefined) throw new Error(`this was not expected: ${accident}`);
      return reasons;
    },
  };
}

export const mutatedSampleCases: readonly SelfTestCase[] = [
  {
    name: 'recorded samples as they are',
    mustSay: 'nothing',
    run: async ({ sources }) => {
      const { evidence } = await readRecordedRun(sources);
      return invalidReasons(judgeAgain(evidence, experiment));
    },
  },
  ...[...mutations, ...lies].map(caseOf),
];
