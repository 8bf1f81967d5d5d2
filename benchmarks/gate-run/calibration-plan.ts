import { createSeededRandom } from '../analysis/seeded-random.ts';
import type { CalibrationGroup } from '../gate/calibration-record.ts';
import { gateLoads } from '../gate/counters.ts';
import { gateRules } from '../gate/judge-blocks.ts';

/** Blocks of each load. */
export interface CalibrationSize {
  /** Beside those of whole gates: five gates of the same code screen 30 more. */
  readonly blocksWithoutLoss: number;
  readonly blocksOfEachLoss: number;
}

export const calibrationSizes = {
  short: { blocksWithoutLoss: 12, blocksOfEachLoss: 6 },
  full: { blocksWithoutLoss: 30, blocksOfEachLoss: 24 },
} as const satisfies Readonly<Record<string, CalibrationSize>>;

const plantedLosses = [0.1, 0.2] as const;

export type PlannedGroup = Pick<CalibrationGroup, 'group' | 'load' | 'plantedLoss'>;

/** Every group once, in an order that the seed draws: a drift of the machine meets all kinds alike. */
export function planCalibration(
  seed: number,
  { blocksWithoutLoss, blocksOfEachLoss }: CalibrationSize,
): PlannedGroup[] {
  const { blocksBetweenRestarts } = gateRules;
  const kinds = [
    { plantedLoss: 0, groups: Math.ceil(blocksWithoutLoss / blocksBetweenRestarts) },
    ...plantedLosses.map((plantedLoss) => {
      return { plantedLoss, groups: Math.ceil(blocksOfEachLoss / blocksBetweenRestarts) };
    }),
  ];
  const random = createSeededRandom(seed);
  return gateLoads
    .flatMap((load) =>
      kinds.flatMap(({ plantedLoss, groups }) => Array.from({ length: groups }, () => ({ load, plantedLoss }))),
    )
    .map((group) => ({ group, place: random() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ group }, index) => ({ group: index, ...group }));
}

/** What is left of a plan. Groups of a kind stand for one another: those of a shorter plan count in a longer one. */
export function missingGroups(
  plan: readonly PlannedGroup[],
  recorded: readonly Pick<CalibrationGroup, 'load' | 'plantedLoss'>[],
): PlannedGroup[] {
  const kindOf = ({ load, plantedLoss }: Pick<CalibrationGroup, 'load' | 'plantedLoss'>) => `${load} ${plantedLoss}`;
  const left = new Map<string, number>();
  for (const group of recorded) left.set(kindOf(group), (left.get(kindOf(group)) ?? 0) + 1);
  return plan.filter((group) => {
    const stock = left.get(kindOf(group)) ?? 0;
    left.set(kindOf(group), stock - 1);
    return stock <= 0;
  });
}
