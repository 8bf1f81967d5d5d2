import { median } from '../analysis/signed-rank.ts';

function summary(values: readonly number[], format: (value: number) => string): string {
  const ascending = values.toSorted((one, other) => one - other);
  const [lowest = Number.NaN, highest = Number.NaN] = [ascending[0], ascending.at(-1)];
  return `${format(median(ascending)).padStart(8)}  (${format(lowest)} to ${format(highest)})`;
}

/**
 * Median and range of each row of rates, and the first row against each other one: the median and range of the
 * ratios within a round, so that what slows a whole round down does not count.
 */
export function describeRates(names: readonly string[], rates: readonly (readonly number[])[]): string {
  const width = Math.max(...names.map((name) => name.length));
  const [first = []] = rates;
  const perSecond = (rate: number): string => Math.round(rate).toLocaleString('en');
  const lines = names.map((name, row) => `${name.padEnd(width)}  ${summary(rates[row] ?? [], perSecond)} per second`);
  const ratios = names.slice(1).map((name, index) => {
    const reference = rates[index + 1] ?? [];
    const perRound = first.map((rate, round) => rate / (reference[round] ?? Number.NaN));
    return `${`÷ ${name}`.padEnd(width)}  ${summary(perRound, (ratio) => `${ratio.toFixed(2)} ×`)}`;
  });
  return [...lines, '', `${names[0]}:`, ...ratios].join('\n');
}
