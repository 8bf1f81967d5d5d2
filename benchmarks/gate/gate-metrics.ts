import type { GateLoad } from './counters.ts';
import type { GateSlot } from './gate-record.ts';

/** What is compared from slot to slot. Only the CPU is judged: the others are shown, until their noise has earned it. */
export const gateMetrics = [
  { id: 'cpu_seconds_per_1000', label: 'CPU of app and database, per 1,000 requests', unit: 's', judged: true },
  { id: 'latency_p50_seconds', label: 'Latency p50', unit: 's', judged: false },
  { id: 'latency_p99_seconds', label: 'Latency p99', unit: 's', judged: false },
  { id: 'requests_per_second', label: 'Requests', unit: '1/s', judged: false },
] as const;

export type GateMetric = (typeof gateMetrics)[number];

/** Of one slot, in the metric's unit. Throws for a sample that was not recorded: no number is 0 by default. */
export function gateMetricValue({ id }: Pick<GateMetric, 'id'>, { samples }: Pick<GateSlot, 'samples'>): number {
  const of = (name: string): number => {
    const value = samples[name];
    if (value === undefined) throw new Error(`${name} was not recorded`);
    return value;
  };
  if (id === 'cpu_seconds_per_1000') {
    return (1000 * (of('service_cpu_seconds') + of('database_cpu_seconds'))) / of('requests');
  }
  return id === 'requests_per_second' ? of('requests') / of('window_seconds') : of(id);
}

/** One metric in one block. */
export interface BlockValues {
  readonly base: number;
  readonly head: number;
  /** Absent from the blocks of a screen. */
  readonly control?: number;
}

/** Of one load, by block. Blocks that lack a slot of base or head belong to a gate that was broken off: left out. */
export function blockValues(slots: readonly GateSlot[], load: GateLoad, metric: Pick<GateMetric, 'id'>): BlockValues[] {
  const blocks = Map.groupBy(
    slots.filter((slot) => slot.load === load),
    ({ block }) => block,
  );
  return [...blocks.values()].flatMap((ofBlock) => {
    const valueOf = (variant: GateSlot['variant']): number | undefined => {
      const slot = ofBlock.find((one) => one.variant === variant);
      return slot && gateMetricValue(metric, slot);
    };
    const [base, head, control] = [valueOf('base'), valueOf('head'), valueOf('control')];
    if (base === undefined || head === undefined) return [];
    return [{ base, head, ...(control !== undefined && { control }) }];
  });
}
