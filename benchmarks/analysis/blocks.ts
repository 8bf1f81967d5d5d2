import type { MetricSource, RunRecord, Slot, VariantId } from '../evidence/schema.ts';

import { metricValue } from './metric-value.ts';
import type { MetricValue, SlotReadings } from './metric-value.ts';

/** The four measured slots of one block (ABBA or BAAB), in the order in which they ran. */
export interface Block {
  readonly number: number;
  readonly before: readonly [Slot, Slot];
  readonly after: readonly [Slot, Slot];
}

/** One metric in one block: its two slots of each variant. A block's value is the mean of the two. */
export interface BlockValues {
  readonly block: number;
  readonly before: readonly [number, number];
  readonly after: readonly [number, number];
}

/** The complete blocks of a run, by number. A block that lacks a slot belongs to a run that was broken off. */
export function completeBlocks({ slots }: RunRecord): Block[] {
  const measured = slots.filter(({ role }) => role === 'measured');
  const numbers = [...new Set(measured.map(({ block }) => block ?? 0))].sort((a, b) => a - b);
  return numbers.flatMap((number) => {
    const ofBlock = measured.filter(({ block }) => block === number);
    const before = pairOf(ofBlock, 'before');
    const after = pairOf(ofBlock, 'after');
    return before && after ? [{ number, before, after }] : [];
  });
}

function pairOf(slots: readonly Slot[], variant: VariantId): [Slot, Slot] | undefined {
  const own = slots.filter((slot) => slot.variant === variant);
  const [first, second, ...more] = own.sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  return first && second && more.length === 0 ? [first, second] : undefined;
}

/** The metric in each block, and a warning for each block where it is missing. */
export function blockValues(
  blocks: readonly Block[],
  source: MetricSource,
  readings: ReadonlyMap<string, SlotReadings>,
): { values: BlockValues[]; warnings: string[] } {
  const values: BlockValues[] = [];
  const reasons = new Map<string, number[]>();
  for (const { number, before, after } of blocks) {
    const read = (slot: Slot): MetricValue =>
      metricValue(source, readings.get(slot.id) ?? { samples: new Map(), latencies: [] });
    const [b1, b2, a1, a2] = [read(before[0]), read(before[1]), read(after[0]), read(after[1])];
    if ('value' in b1 && 'value' in b2 && 'value' in a1 && 'value' in a2) {
      values.push({ block: number, before: [b1.value, b2.value], after: [a1.value, a2.value] });
      continue;
    }
    const reason = [b1, b2, a1, a2].flatMap((value) => ('missing' in value ? [value.missing] : []))[0] ?? '';
    reasons.set(reason, [...(reasons.get(reason) ?? []), number]);
  }
  const warnings = [...reasons].map(([reason, numbers]) =>
    numbers.length === blocks.length ? reason : `${reason} in block ${numbers.join(', ')}, which is left out`,
  );
  return { values, warnings };
}

export function meanOfTwo([first, second]: readonly [number, number]): number {
  return (first + second) / 2;
}

/** log(after / before) of the block's values; undefined where one of them is not positive. */
export function logRatio({ before, after }: BlockValues): number | undefined {
  const [from, to] = [meanOfTwo(before), meanOfTwo(after)];
  return from > 0 && to > 0 ? Math.log(to) - Math.log(from) : undefined;
}
