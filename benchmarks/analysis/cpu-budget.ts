import type { RunRecord, VariantId } from '../evidence/schema.ts';

import type { SlotReadings } from './metric-value.ts';

/** Who may have used the CPU, in the order of the raw samples `<part>_cpu_seconds`. */
export const cpuParts = [
  'database',
  'service',
  'redis_cache',
  'redis_queue',
  'generator',
  'lab',
  'other',
  'steal',
  'idle',
] as const;

export type CpuPart = (typeof cpuParts)[number];

/** Mean CPU-seconds of one window, over the measured slots of a variant. */
export interface CpuBudget {
  readonly variant: VariantId;
  readonly slots: number;
  readonly windowSeconds: number;
  /** In the order of `cpuParts`; undefined where a slot lacks the sample. */
  readonly parts: readonly { readonly part: CpuPart; readonly cpuSeconds: number | undefined }[];
  /** The machine's own counter over all cores, idle included. */
  readonly machine: number | undefined;
  /** The machine's counter less all parts; negative where parts were counted twice. */
  readonly unaccounted: number | undefined;
}

export function cpuBudget(run: RunRecord, readings: ReadonlyMap<string, SlotReadings>, variant: VariantId): CpuBudget {
  const slots = run.slots.filter((slot) => slot.role === 'measured' && slot.variant === variant);
  const mean = (id: string): number | undefined => {
    const values = slots.flatMap((slot) => readings.get(slot.id)?.samples.get(id) ?? []);
    return values.length === 0 || values.length < slots.length
      ? undefined
      : values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const parts = cpuParts.map((part) => ({ part, cpuSeconds: mean(`${part}_cpu_seconds`) }));
  const machine = mean('machine_cpu_seconds');
  const known = parts.flatMap(({ cpuSeconds }) => cpuSeconds ?? []);
  return {
    variant,
    slots: slots.length,
    windowSeconds: slots.reduce((sum, slot) => sum + slot.windowSeconds, 0) / Math.max(1, slots.length),
    parts,
    machine,
    unaccounted:
      machine === undefined || known.length < cpuParts.length
        ? undefined
        : known.reduce((rest, value) => rest - value, machine),
  };
}
