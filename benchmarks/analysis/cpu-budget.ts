import type { RunRecord, Slot, VariantId } from '../evidence/schema.ts';

import { bootstrapMean } from './block-bootstrap.ts';
import type { BootstrapInterval } from './block-bootstrap.ts';
import type { SlotReadings } from './metric-value.ts';

/** Who may have used the CPU, by the raw samples `<part>_cpu_seconds`. */
export const cpuParts = [
  'database',
  'service',
  'worker',
  'redis_cache',
  'redis_queue',
  'generator',
  'lab',
  'other',
  'steal',
  'idle',
] as const;

export type CpuPart = (typeof cpuParts)[number];

/** The raw metrics that a window's budget is the sum of. */
export const cpuBudgetParts = cpuParts.map((part) => `${part}_cpu_seconds` as const);

/** CPU-seconds of one window: the mean, and its bootstrap interval over blocks where there is one. */
export interface MeanCpu {
  readonly cpuSeconds: number;
  readonly interval: BootstrapInterval | undefined;
}

/** Over the measured slots of a variant. */
export interface CpuBudget {
  readonly variant: VariantId;
  readonly slots: number;
  readonly windowSeconds: number;
  /** In the order of `cpuParts`; undefined where a slot lacks the sample. No workers in a run that had none. */
  readonly parts: readonly { readonly part: CpuPart; readonly mean: MeanCpu | undefined }[];
  /** What all cores together had to give: cores × window. */
  readonly machine: MeanCpu | undefined;
  /** `machine` less all parts: positive where time was attributed to none, negative where some was counted twice. */
  readonly residual: MeanCpu | undefined;
  /** What /proc/stat counted in all, idle and stolen included; a kernel without ticks loses some. */
  readonly procStat: MeanCpu | undefined;
}

export function cpuBudget(run: RunRecord, readings: ReadonlyMap<string, SlotReadings>, variant: VariantId): CpuBudget {
  const slots = run.slots.filter((slot) => slot.role === 'measured' && slot.variant === variant);
  const hasWorkers = [...readings.values()].some(({ samples }) => (samples.get('worker_cpu_seconds') ?? 0) > 0);
  const parts = cpuParts.filter((part) => part !== 'worker' || hasWorkers);
  const read = (id: string) => (slot: Slot) => readings.get(slot.id)?.samples.get(id);
  const machine = read('machine_cpu_seconds');
  const residual = (slot: Slot) => {
    const all = [machine, ...parts.map((part) => read(`${part}_cpu_seconds`))].map((own) => own(slot));
    return all.reduce((rest, value) => (rest === undefined || value === undefined ? undefined : rest - value));
  };
  const mean = (of: (slot: Slot) => number | undefined) => meanOverBlocks(slots, of, run.seed);
  return {
    variant,
    slots: slots.length,
    windowSeconds: slots.reduce((sum, slot) => sum + slot.windowSeconds, 0) / Math.max(1, slots.length),
    parts: parts.map((part) => ({ part, mean: mean(read(`${part}_cpu_seconds`)) })),
    machine: mean(machine),
    residual: mean(residual),
    procStat: mean(read('proc_stat_cpu_seconds')),
  };
}

/** undefined where a slot lacks the value. The interval is of the means of blocks. */
function meanOverBlocks(
  slots: readonly Slot[],
  of: (slot: Slot) => number | undefined,
  seed: number,
): MeanCpu | undefined {
  const read = slots.flatMap((slot) => {
    const value = of(slot);
    return value === undefined ? [] : [{ block: slot.block, value }];
  });
  if (read.length === 0 || read.length < slots.length) return undefined;
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const blocks = [...new Set(read.map(({ block }) => block))].map((block) =>
    meanOf(read.filter((own) => own.block === block).map(({ value }) => value)),
  );
  return { cpuSeconds: meanOf(read.map(({ value }) => value)), interval: bootstrapMean(blocks, seed) };
}
