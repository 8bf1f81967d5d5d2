import { createSeededRandom } from '../analysis/seeded-random.ts';
import { locate, median, signedRankPValue, walshAverages } from '../analysis/signed-rank.ts';
import { departsFromNone } from '../analysis/control.ts';
import { type BlocksFinding, exceeds, findInConfirmation, gateRules, type GateStage } from './judge-blocks.ts';

/** One recorded block, as log-ratios. */
export interface RecordedBlock {
  /** head / base */
  readonly head: number;
  /** control / base; the blocks of a screen have none. */
  readonly control?: number;
}

/**
 * Gates of one load that might have been: blocks drawn with replacement from recorded ones, judged by the gate's own
 * rules. What is drawn are whole groups, the blocks that the same processes served: blocks between two restarts are more
 * alike than others, and a gate has several restarts. A confirmation is drawn from the groups that have a control. Such
 * gates know only what was recorded: they are simulated.
 *
 * @throws {RangeError} without a group that has a control, or for a group of another size than the gate's
 */
export function simulateGates(
  groups: readonly (readonly RecordedBlock[])[],
  { gates, seed }: { readonly gates: number; readonly seed: number },
): Readonly<Record<BlocksFinding, number>> {
  const odd = groups.find((group) => group.length !== gateRules.blocksBetweenRestarts);
  const pools = { screen: groups, confirmation: groups.filter(hasControl) };
  if (pools.confirmation.length === 0 || odd !== undefined) {
    throw new RangeError(
      `gates are drawn from groups of ${gateRules.blocksBetweenRestarts} blocks, some with a control; got ${groups.length} groups${odd ? `, one of ${odd.length}` : ''}`,
    );
  }
  const random = createSeededRandom(seed);
  const draw = (stage: GateStage): RecordedBlock[] =>
    Array.from({ length: gateRules[stage].blocks / gateRules.blocksBetweenRestarts }, () =>
      drawOne(pools[stage], random),
    ).flat();
  const counts = { 'not-flagged': 0, 'not-confirmed': 0, unclear: 0, 'control-broken': 0, regression: 0 };
  for (let gate = 0; gate < gates; gate += 1) counts[simulatedFinding(draw)] += 1;
  return counts;
}

const hasControl = (group: readonly RecordedBlock[]): boolean => group.every(({ control }) => control !== undefined);

const drawOne = <Group extends readonly RecordedBlock[]>(pool: readonly Group[], random: () => number): Group | [] =>
  pool[Math.floor(random() * pool.length)] ?? [];

function simulatedFinding(draw: (stage: GateStage) => readonly RecordedBlock[]): BlocksFinding {
  const compare = (blocks: readonly RecordedBlock[]) => {
    const logRatios = blocks.map(({ head }) => head);
    return { ratio: { estimate: Math.exp(median(walshAverages(logRatios))) }, pValue: signedRankPValue(logRatios) };
  };
  if (!exceeds(compare(draw('screen')), 'screen')) return 'not-flagged';
  const blocks = draw('confirmation');
  const compared = compare(blocks);
  // An interval takes longer than all the rest, and most gates don't ask for it.
  if (!exceeds(compared, 'confirmation')) return findInConfirmation(compared);
  const control = locate(blocks.flatMap((block) => block.control ?? []));
  const broken = departsFromNone(control, gateRules.confirmation.smallestEffect);
  return findInConfirmation({ ...compared, control: { broken } });
}

/** A probability, and between which values the recorded groups leave it: at 95 %. */
export interface SimulatedRate {
  readonly share: number;
  readonly lower: number;
  readonly upper: number;
}

const gatesOfEstimate = 10_000;
const resamples = 200;
const gatesOfResample = 100;

/**
 * How often a gate fails, and how often it stays inconclusive. The interval: the percentiles over resamples of the
 * groups, each with gates of its own (Efron, Tibshirani: *An Introduction to the Bootstrap*, 1993, section 13.3).
 */
export function simulatedRates(
  groups: readonly (readonly RecordedBlock[])[],
): Readonly<Record<'fail' | 'inconclusive', SimulatedRate>> {
  const sharesOf = (drawn: readonly (readonly RecordedBlock[])[], gates: number, seed: number) => {
    const counts = simulateGates(drawn, { gates, seed });
    return { fail: counts.regression / gates, inconclusive: (counts.unclear + counts['control-broken']) / gates };
  };
  const random = createSeededRandom(groups.length);
  const resampled = Array.from({ length: resamples }, (_, resample) => {
    // Groups with and without a control are two strata.
    const drawn = [true, false].flatMap((which) => {
      const stratum = groups.filter((group) => hasControl(group) === which);
      return stratum.map(() => drawOne(stratum, random));
    });
    return sharesOf(drawn, gatesOfResample, resample);
  });
  const estimate = sharesOf(groups, gatesOfEstimate, 1);
  const rate = (of: 'fail' | 'inconclusive'): SimulatedRate => {
    const shares = resampled.map((shares) => shares[of]).toSorted((one, other) => one - other);
    const quantile = (share: number): number => shares[Math.round(share * (resamples - 1))] ?? Number.NaN;
    return { share: estimate[of], lower: quantile(0.025), upper: quantile(0.975) };
  };
  return { fail: rate('fail'), inconclusive: rate('inconclusive') };
}
