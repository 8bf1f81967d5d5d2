import type { RunRecord, VariantId } from '../evidence/schema.ts';

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

/** Mean CPU-seconds of one window, over the measured slots of a variant. */
export interface CpuBudget {
  readonly variant: VariantId;
  readonly slots: number;
  readonly windowSeconds: number;
  /** In the order of `cpuParts`; undefined where a slot lacks the sample. No workers in a run that had none. */
  readonly parts: readonly { readonly part: CpuPart; readonly cpuSeconds: number | undefined }[];
  /** What all cores together had to give: cores × window. */
  readonly machine: number | undefined;
  /** `machine` less all parts: positive where time was attributed to none, negative where some was counted twice. */
  readonly residual: number | undefined;
  /** What /proc/stat counted in all, idle and stolen included; a kernel without ticks loses some. */
  readonly procStat: number | undefined;
}

export function cpuBudget(run: RunRecord, readings: ReadonlyMap<string, SlotReadings>, variant: VariantId): CpuBudget {
  const slots = run.slots.filter((slot) => slot.role === 'measured' && slot.variant === variant);
  const mean = (id: string): number | undefined => {
    const values = slots.flatMap((slot) => readings.get(slot.id)?.samples.get(id) ?? []);
    return values.length === 0 || values.length < slots.length
      ? undefined
      : values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const hasWorkers = [...readings.values()].some(({ samples }) => (samples.get('worker_cpu_seconds') ?? 0) > 0);
  const parts = cpuParts
    .filter((part) => part !== 'worker' || hasWorkers)
    .map((part) => ({ part, cpuSeconds: mean(`${part}_cpu_seconds`) }));
  const machine = mean('machine_cpu_seconds');
  const known = parts.flatMap(({ cpuSeconds }) => cpuSeconds ?? []);
  return {
    variant,
    slots: slots.length,
    windowSeconds: slots.reduce((sum, slot) => sum + slot.windowSeconds, 0) / Math.max(1, slots.length),
    parts,
    machine,
    residual:
      machine === undefined || known.length < parts.length
        ? undefined
        : known.reduce((rest, value) => rest - value, machine),
    procStat: mean('proc_stat_cpu_seconds'),
  };
}
