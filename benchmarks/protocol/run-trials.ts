import { shareSettings } from '../evidence/part-settings.ts';
import type { GuardOutcome } from '../evidence/schema.ts';
import type { TrialsEvidence, TrialsRecord } from '../evidence/trials-schema.ts';
import { annotateRun } from './annotation.ts';
import { CouldNotRunError } from './could-not-run-error.ts';
import type { ProfileName } from './experiment.ts';
import { openRunFrame } from './run-frame.ts';
import { runScheduledTrials, seriesAtATime, type TrialsRequest } from './run-scheduled-trials.ts';
import type { TrialExperiment } from './trial-experiment.ts';
import type { JournalEntry } from './trial-journal.ts';

/** As in performance-cache: far above what a disciplined clock does in a trial, far below what a recovery takes. */
const clockStepLimitSeconds = 0.05;

/**
 * Runs every trial that the journal does not have, and takes every stage down. A trial that rejects ends its series,
 * which is evidence with its reason, and INVALID; the others go on. Rejects with `CouldNotRunError` when not one trial
 * was finished or (`requireAll`) a series can't be run, and with the signal's reason when it was interrupted.
 */
export async function runTrials(request: TrialsRequest): Promise<TrialsEvidence> {
  const { experiment, profile, journal } = request;
  const from = new Date();
  const skipped = await findUnavailable(request);
  const containers = request.containers?.record;
  const closeFrame = await openRunFrame({ ...request, containers, seed: journal.seed });
  const record: Pick<TrialsRecord, 'experiment' | 'skipped'> = { experiment: describe(experiment, profile), skipped };
  const { entries, broken, settings } = await runScheduledTrials(request, record);
  if (entries.length === 0) {
    const reasons = broken.map(({ series, reason }) => `${series}: ${reason}`).join('; ');
    throw new CouldNotRunError(`every series broke before a trial of it was finished: ${reasons}`);
  }
  const guards = [clockGuard(entries), ...resumeGuards(journal)];
  const frame = await closeFrame({ brokenBy: undefined, guards });
  const together = seriesAtATime(experiment);
  await request.annotate?.(annotateRun(request.id, { from, to: new Date(), title: experiment.title }));
  return {
    run: {
      ...frame,
      partSettings: shareSettings(settings),
      startedAt: journal.startedAt,
      kind: 'trials',
      ...record,
      ...(broken.length > 0 && { broken: [...broken] }),
      profile: { name: profile },
      settings: { ...experiment.settings(profile), ...(together > 1 && { 'series at a time': together }) },
    },
    trials: entries.map(({ trial }) => trial),
  };
}

async function findUnavailable(request: TrialsRequest): Promise<TrialsRecord['skipped']> {
  const { experiment, database, progress, requireAll } = request;
  const skipped: TrialsRecord['skipped'] = [];
  for (const series of experiment.series) {
    const reason = await series.unavailable?.({ database });
    if (reason === undefined) continue;
    progress.note(`  SKIPPED ${series.label}: ${reason}`);
    skipped.push({ series: series.id, reason });
  }
  const reasons = skipped.map(({ series, reason }) => `${series}: ${reason}`).join('; ');
  if (requireAll && skipped.length > 0) throw new CouldNotRunError(`REQUIRE_ALL=1, and this cannot be run: ${reasons}`);
  if (skipped.length === experiment.series.length) throw new CouldNotRunError(`nothing can be run: ${reasons}`);
  return skipped;
}

function clockGuard(entries: readonly JournalEntry[]): GuardOutcome {
  const largest = Math.max(0, ...entries.map(({ clockStepSeconds }) => Math.abs(clockStepSeconds)));
  return {
    guard: 'clock-step',
    held: largest <= clockStepLimitSeconds,
    observed: `${(1000 * largest).toFixed(1)} ms in one trial`,
    limit: `at most ${1000 * clockStepLimitSeconds} ms`,
  };
}

function resumeGuards({ resumedAt }: TrialsRequest['journal']): GuardOutcome[] {
  if (resumedAt.length === 0) return [];
  return [
    {
      guard: 'same-when-resumed',
      held: true,
      observed: `the same; resumed ${resumedAt.join(', ')}`,
      limit: 'a run is resumed on the same commit, seed, machine and binaries only',
    },
  ];
}

function describe(experiment: TrialExperiment, profile: ProfileName): TrialsRecord['experiment'] {
  const { id, title, question, claim, series, values, comparisons, timeline, limits } = experiment;
  return {
    id,
    title,
    question,
    claim: { ...claim },
    series: series.map(({ id, label, how, mustHold, role, mustShow, subject, mayLose, trials }) => ({
      id,
      label,
      how,
      mustHold,
      role,
      ...(mustShow && { mustShow }),
      ...(subject && { subject }),
      mayLose,
      trials: trials[profile],
    })),
    values: [...values],
    comparisons: [...comparisons],
    ...(timeline && { timeline }),
    limits: [...limits],
  };
}
