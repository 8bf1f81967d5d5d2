import type { SeriesComparison, Trial, TrialsEvidence, TrialsRecord } from '../evidence/trials-schema.ts';

import { exponential } from './control.ts';
import { largestCount, locate } from './signed-rank.ts';
import type { Location } from './signed-rank.ts';

/** Both series of one round, in the unit of the value. */
export interface Round {
  readonly round: number;
  readonly numerator: number;
  readonly denominator: number;
}

/** A value of one series over that of another, paired by round: the trials with the same number. */
export interface RoundRatios {
  readonly comparison: SeriesComparison;
  /** `Jobs per second, 4 workers over 1 worker`. */
  readonly label: string;
  /** Those in which both have the value. */
  readonly rounds: readonly Round[];
  /** Rounds of the run in which one of the two is missing. */
  readonly missingRounds: readonly number[];
  /** numerator / denominator; undefined, with the reason in `warnings`, where it can't be computed. */
  readonly ratio: Location | undefined;
  readonly warnings: readonly string[];
}

export function roundRatios({ run, trials }: TrialsEvidence, comparison: SeriesComparison): RoundRatios {
  const { value, numerator, denominator } = comparison;
  const valuesOf = (series: string) =>
    new Map(
      trials.filter((trial) => trial.series === series).map((trial: Trial) => [trial.trial, trial.values[value]]),
    );
  const [above, below] = [valuesOf(numerator), valuesOf(denominator)];
  const numbers = [...new Set([...above.keys(), ...below.keys()])].sort((a, b) => a - b);
  const rounds = numbers.flatMap((round): Round[] => {
    const [over, under] = [above.get(round), below.get(round)];
    return over === undefined || under === undefined ? [] : [{ round, numerator: over, denominator: under }];
  });
  const missingRounds = numbers.filter((number) => !rounds.some(({ round }) => round === number));
  return { comparison, label: labelOf(run, comparison), rounds, missingRounds, ...ratioOf(rounds, missingRounds) };
}

function ratioOf(rounds: readonly Round[], missing: readonly number[]): Pick<RoundRatios, 'ratio' | 'warnings'> {
  const warnings =
    missing.length === 0 ? [] : [`a value is missing in ${missing.length} of ${missing.length + rounds.length} rounds`];
  const without = (reason: string) => ({ ratio: undefined, warnings: [...warnings, `no ratio: ${reason}`] });
  if (rounds.length === 0) return without('no round has both values');
  if (rounds.length > largestCount) {
    return without(`${rounds.length} rounds, and exact signed ranks take ${largestCount} at most`);
  }
  if (rounds.some(({ numerator, denominator }) => !(numerator > 0 && denominator > 0))) {
    return without('a value is 0 or below');
  }
  const logRatios = rounds.map(({ numerator, denominator }) => Math.log(numerator) - Math.log(denominator));
  const ratio = exponential(locate(logRatios, 0.95, 'round'));
  return { ratio, warnings: [...warnings, ...ratio.warnings] };
}

function labelOf({ experiment }: TrialsRecord, { value, numerator, denominator }: SeriesComparison): string {
  const series = (id: string) => experiment.series.find((own) => own.id === id)?.label ?? id;
  const label = experiment.values.find(({ id }) => id === value)?.label ?? value;
  return `${label}, ${series(numerator)} over ${series(denominator)}`;
}
