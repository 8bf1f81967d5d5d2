import type { VariantId } from '../evidence/schema.ts';
import { guardQuantities } from './guards.ts';
import { databaseCpuPercent, MeasuredRun, type RunRequest } from './measured-run.ts';
import { setRate } from './set-rate.ts';
import { slotFacts } from './slot-facts.ts';

/** Values in the order of the slots. */
export interface RecordedQuantity {
  readonly variant: VariantId;
  readonly name: string;
  readonly values: readonly number[];
}

/**
 * Consecutive slots of each variant in turn, with no verdict: what a healthy machine looks like. The limits of
 * the guards are set from these, so that a healthy run trips at most once in a hundred.
 */
export async function recordSlots(request: RunRequest, slotsOfEach: number): Promise<RecordedQuantity[]> {
  const run = new MeasuredRun(request);
  const quantities = new Map<string, { variant: VariantId; name: string; values: number[] }>();
  const keep = (variant: VariantId, name: string, value: number): void => {
    const key = `${variant} ${name}`;
    const quantity = quantities.get(key) ?? { variant, name, values: [] };
    quantity.values.push(value);
    quantities.set(key, quantity);
  };
  try {
    await run.up();
    await setRate(run);
    for (let slot = 1; slot <= slotsOfEach; slot += 1) {
      for (const variant of ['before', 'after'] as const) {
        request.progress.step(`recording slot ${slot}/${slotsOfEach} · ${variant} · ${run.rate} reads/s`);
        const plan = { id: `recorded-${slot}-${variant}`, role: 'measured' as const, ...run.openPlan(run.rate) };
        const { samples } = await run.slot(variant, plan);
        const readings = new Map(samples.map(({ metric, value }) => [metric, value]));
        const facts = slotFacts({ ...request, rate: run.rate }, { ...plan, variant }, readings);
        for (const [guard, quantity] of guardQuantities(request.experiment.guards.measured, facts)) {
          keep(variant, guard, quantity);
        }
        keep(variant, 'database-cpu-percent', databaseCpuPercent(samples));
      }
    }
    return [...quantities.values()];
  } finally {
    await request.environment.down();
  }
}
