import type { ValueDefinition } from '../evidence/trials-schema.ts';
import type { TrialExperiment } from '../protocol/trial-experiment.ts';
import { cacheSuite } from './cache-rows/cache-rows.ts';
import { seatSuite } from './rows/seat-rows.ts';

const halves = [seatSuite, cacheSuite];

/** `make faults`: both halves, as one experiment. */
export const faultSuite: TrialExperiment = {
  protocol: 'trials',
  id: 'faults',
  title: 'The service under faults',
  question: halves.map(({ question }) => question).join(' '),
  claim: { text: halves.map(({ claim }) => claim.text).join(' ') },
  order: 'one-by-one',
  concurrency: 2,
  series: halves.flatMap(({ series }) => series),
  values: withoutRepeated(halves.flatMap(({ values }) => values)),
  comparisons: [],
  limits: [
    ...new Set(halves.flatMap(({ limits }) => limits)),
    'Two series run at a time, each on a stage of its own: what they took is of a busy machine.',
  ],
  settings: (profile) => Object.assign({}, ...halves.map((half) => half.settings(profile))),
};

function withoutRepeated(values: readonly ValueDefinition[]): ValueDefinition[] {
  return [...new Map(values.map((value) => [value.id, value])).values()];
}

/** What `SUITE=` may name. */
export const suites: ReadonlyMap<string, TrialExperiment> = new Map([
  ['all', faultSuite],
  ['seats', seatSuite],
  ['cache', cacheSuite],
]);
