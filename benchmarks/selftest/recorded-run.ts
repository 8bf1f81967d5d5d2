import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { analyzeRun } from '../analysis/analyze-run.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import type { Evidence, GuardOutcome, VariantId } from '../evidence/schema.ts';
import { experiment } from '../experiments/performance-cache.ts';

/** Why a run in blocks would be INVALID, a line each; none when it counts. */
export function invalidReasons(evidence: Evidence): readonly string[] {
  const { name, reasons } = analyzeRun(evidence).verdict;
  return name === 'INVALID' ? reasons : [];
}

/**
 * The first published run of the cache on PostgreSQL, full profile, that counted.
 * @param sources top of a work tree
 * @throws when there is none
 */
export async function readRecordedRun(
  sources: string,
): Promise<{ readonly folder: string; readonly evidence: Evidence }> {
  const reports = join(sources, 'reports');
  const names = (await readdir(reports)).filter((name) => name.includes(`-${experiment.id}-postgres-full`));
  for (const name of names.sort()) {
    const folder = join(reports, name);
    const evidence = await readEvidence(folder);
    if (!('trials' in evidence) && invalidReasons(evidence).length === 0) return { folder, evidence };
  }
  throw new Error(`${reports} has no valid run of ${experiment.id} on PostgreSQL, full profile: nothing to mutate`);
}

/** @throws when the run has no such outcome that this one could take the place of */
export function withOutcome({ run, ...rest }: Evidence, outcome: GuardOutcome): Evidence {
  const guards = run.guards.map((recorded) => (recorded.guard === outcome.guard ? outcome : recorded));
  if (!guards.includes(outcome)) throw new Error(`the recorded run has no guard ${outcome.guard}`);
  return { ...rest, run: { ...run, guards } };
}

/** As if these were the outcomes of the variant's first measured slot. */
export function withSlotOutcomes(
  { run, ...rest }: Evidence,
  variant: VariantId,
  guards: readonly GuardOutcome[],
): Evidence {
  const first = run.slots.find((slot) => slot.role === 'measured' && slot.variant === variant);
  const slots = run.slots.map((slot) => (slot === first ? { ...slot, guards: [...guards] } : slot));
  return { ...rest, run: { ...run, slots } };
}
