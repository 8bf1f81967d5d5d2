import { createHash } from 'node:crypto';

import { createSeededRandom } from '../analysis/seeded-random.ts';
import type { ProfileName } from './experiment.ts';
import type { SeriesDefinition, TrialExperiment } from './trial-experiment.ts';

export interface PlannedTrial {
  readonly series: SeriesDefinition;
  /** From 1. */
  readonly trial: number;
  /** Nothing of this series follows: its stage can go. */
  readonly isLast: boolean;
}

/** Uniform numbers that depend on the run's seed and on these names alone, so that a resumed run draws the same ones. */
export function randomFor(seed: number, ...names: readonly (string | number)[]): () => number {
  return createSeededRandom(
    createHash('sha256')
      .update([seed, ...names].join('/'))
      .digest()
      .readInt32LE(),
  );
}

/** All trials in the order in which they are run, those of earlier calls included. */
export function scheduleTrials(
  { order, series }: Pick<TrialExperiment, 'order' | 'series'>,
  profile: ProfileName,
  seed: number,
): PlannedTrial[] {
  const planned = (one: SeriesDefinition, trial: number): PlannedTrial => ({
    series: one,
    trial,
    isLast: trial === one.trials[profile],
  });
  if (order === 'one-by-one') {
    return series.flatMap((one) => Array.from({ length: one.trials[profile] }, (_, index) => planned(one, index + 1)));
  }
  const rounds = Math.max(0, ...series.map(({ trials }) => trials[profile]));
  return Array.from({ length: rounds }, (_, index) => index + 1).flatMap((round) => {
    const inRound = series.filter(({ trials }) => trials[profile] >= round);
    return shuffle(inRound, randomFor(seed, 'round', round)).map((one) => planned(one, round));
  });
}

/** Fisher and Yates. */
function shuffle<Item>(items: readonly Item[], random: () => number): Item[] {
  const drawn: Item[] = [];
  const left = [...items];
  while (left.length > 0) drawn.push(...left.splice(Math.floor(random() * left.length), 1));
  return drawn;
}
