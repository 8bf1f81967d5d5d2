import { median } from '../analysis/signed-rank.ts';

export interface Comparison {
  /** Of the contestants, the one in question first, then what it is held against. */
  readonly names: readonly string[];
  /** A row for each of them with a value for each round. */
  readonly values: readonly (readonly number[])[];
  readonly format: (value: number) => string;
  /** What the ratio to the first reference should be. */
  readonly goal?: { readonly ratio: number; readonly better: 'lower' | 'higher' };
}

/**
 * Median and range of each row, and the first row against each other one: the median and range of the ratios within a
 * round, so that what slows a whole round down does not count. A goal is met by the median.
 */
export function describeComparison({ names, values, format, goal }: Comparison): string {
  const width = Math.max(...names.map((name) => name.length)) + 2;
  const [first = []] = values;
  const rows = names.map((name, index) => `${name.padEnd(width)}  ${summary(values[index] ?? [], format)}`);
  const ratios = names.slice(1).map((name, index) => {
    const reference = values[index + 1] ?? [];
    const perRound = first.map((value, round) => value / (reference[round] ?? Number.NaN));
    const against = index === 0 && goal ? `  ${verdict(median(perRound), goal)}` : '';
    return `${`÷ ${name}`.padEnd(width)}  ${summary(perRound, (ratio) => `${ratio.toFixed(2)} ×`)}${against}`;
  });
  return [...rows, '', `${names[0]}:`, ...ratios].join('\n');
}

function summary(values: readonly number[], format: (value: number) => string): string {
  const ascending = values.toSorted((one, other) => one - other);
  const [lowest = Number.NaN, highest = Number.NaN] = [ascending[0], ascending.at(-1)];
  return `${format(median(ascending)).padStart(8)}  (${format(lowest)} to ${format(highest)})`;
}

function verdict(ratio: number, { ratio: bound, better }: NonNullable<Comparison['goal']>): string {
  const isMet = better === 'lower' ? ratio <= bound : ratio >= bound;
  return `goal ${bound} × or ${better === 'lower' ? 'less' : 'more'}: ${isMet ? 'met' : 'missed'}`;
}
