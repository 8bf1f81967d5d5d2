import type { Evidence, Slot } from '../evidence/schema.ts';
import type { Experiment, Profile } from '../protocol/experiment.ts';
import { judgeSlot } from '../protocol/guards.ts';
import { hitRatioOfRun } from '../protocol/hit-ratio-of-run.ts';
import { slotFacts } from '../protocol/slot-facts.ts';

/**
 * Every outcome that is computed from samples, computed again from these by the experiment's guards as they are now.
 * Outcomes that came from processes (content, commit, answers) stay as they were recorded.
 */
export function judgeAgain({ run, samples, latencies }: Evidence, experiment: Experiment): Evidence {
  const profile: Profile = { ...experiment.profiles[run.profile.name], ...run.profile };
  const conditions = { experiment, profile, rate: run.offeredRatePerSecond };
  const readings = Map.groupBy(samples, ({ slot }) => slot);
  const judged = (slot: Slot): Slot => {
    const own = new Map((readings.get(slot.id) ?? []).map(({ metric, value }) => [metric, value]));
    // Runs from before there were workers have no sample of theirs: they used nothing.
    const hasWorkers = experiment.variants.some(({ workers }) => workers !== undefined);
    if (!hasWorkers && !own.has('worker_cpu_seconds')) own.set('worker_cpu_seconds', 0);
    const guards = judgeSlot(experiment.guards[slot.role], slotFacts(conditions, slot, own), experiment.guardLimits);
    return { ...slot, guards };
  };
  const ofRun = hitRatioOfRun(conditions, { slots: run.slots, samples });
  const recomputed = new Set(ofRun.map(({ guard }) => guard));
  const guards = [...run.guards.filter(({ guard }) => !recomputed.has(guard)), ...ofRun];
  return { run: { ...run, guards, slots: run.slots.map(judged) }, samples, latencies };
}
