import { trialProblem } from '../evidence/check-trials-consistency.ts';
import type { GuardOutcome } from '../evidence/schema.ts';
import type { Trial, TrialsEvidence, TrialsRecord } from '../evidence/trials-schema.ts';
import { CouldNotRunError } from './could-not-run-error.ts';
import type { ProfileName } from './experiment.ts';
import type { Progress } from './progress.ts';
import { type FrameRequest, openRunFrame } from './run-frame.ts';
import type { OpenSeries, TrialExperiment } from './trial-experiment.ts';
import type { JournalEntry, TrialJournal } from './trial-journal.ts';
import { type PlannedTrial, randomFor, scheduleTrials } from './trial-schedule.ts';

export interface TrialsRequest extends Omit<FrameRequest, 'seed'> {
  readonly experiment: TrialExperiment;
  readonly profile: ProfileName;
  /** Its seed is the run's. */
  readonly journal: Omit<TrialJournal, 'close' | 'remove'>;
  /** A series that this machine can't run is an error. */
  readonly requireAll: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** As in performance-cache: far above what a disciplined clock does in a trial, far below what a recovery takes. */
const clockStepLimitSeconds = 0.05;

/**
 * Runs every trial that the journal does not have, and takes every stage down. A trial that rejects ends the run,
 * which is evidence with its reason and INVALID; rejects with `CouldNotRunError` when not one trial was finished or
 * (`requireAll`) a series can't be run, and with the signal's reason when it was interrupted.
 */
export async function runTrials(request: TrialsRequest): Promise<TrialsEvidence> {
  const { experiment, profile, journal } = request;
  const skipped = await findUnavailable(request);
  const closeFrame = await openRunFrame({ ...request, seed: journal.seed });
  const record: Pick<TrialsRecord, 'experiment' | 'skipped'> = { experiment: describe(experiment, profile), skipped };
  const { entries, brokenBy } = await runAll(request, record);
  const guards = [clockGuard(entries), ...resumeGuards(journal)];
  const frame = await closeFrame({ brokenBy, guards });
  return {
    run: {
      ...frame,
      startedAt: journal.startedAt,
      kind: 'trials',
      ...record,
      profile: { name: profile },
      settings: { ...experiment.settings(profile) },
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

interface RunningTrials {
  readonly request: TrialsRequest;
  readonly record: Pick<TrialsRecord, 'experiment' | 'skipped'>;
  readonly open: Map<string, OpenSeries>;
  /** Of earlier calls and of this one. */
  readonly entries: JournalEntry[];
}

async function runAll(
  request: TrialsRequest,
  record: RunningTrials['record'],
): Promise<{ entries: readonly JournalEntry[]; brokenBy: string | undefined }> {
  const { experiment, profile, journal, progress, signal } = request;
  const running: RunningTrials = { request, record, open: new Map(), entries: [...journal.entries] };
  const isSettled = ({ series, trial }: PlannedTrial): boolean =>
    record.skipped.some((skip) => skip.series === series.id) ||
    journal.entries.some((entry) => entry.trial.series === series.id && entry.trial.trial === trial);
  const planned = scheduleTrials(experiment, profile, journal.seed).filter((one) => !isSettled(one));
  try {
    for (const [index, next] of planned.entries()) {
      expectRemaining(running, planned.slice(index));
      await runPlanned(running, next);
    }
    return { entries: running.entries, brokenBy: undefined };
  } catch (error) {
    signal.throwIfAborted();
    if (running.entries.length === 0) throw new CouldNotRunError('the run broke before a trial was finished', error);
    return { entries: running.entries, brokenBy: describeError(error) };
  } finally {
    progress.step('stopping what was started');
    await closeAll(running);
  }
}

async function runPlanned({ request, record, open, entries }: RunningTrials, planned: PlannedTrial): Promise<void> {
  const { database, profile, journal, progress, signal } = request;
  const { series, trial: number, isLast } = planned;
  const step = (text: string): void =>
    progress.step(`${series.label} · trial ${number}/${series.trials[profile]} · ${text}`);
  signal.throwIfAborted();
  let stage = open.get(series.id);
  if (stage === undefined) {
    step('starting');
    stage = await series.open({ profile, database, random: randomFor(journal.seed, series.id), step, signal });
    open.set(series.id, stage);
  }
  const startedAt = Date.now();
  const startedOn = performance.now();
  const random = randomFor(journal.seed, series.id, number);
  const outcome = await stage.runTrial({ trial: number, random, step, signal });
  // What was cut short by an interruption shows nothing.
  signal.throwIfAborted();
  const seconds = (performance.now() - startedOn) / 1000;
  const trial = { series: series.id, trial: number, startedAt: new Date(startedAt).toISOString(), seconds, ...outcome };
  const problem = trialProblem(record, trial);
  if (problem !== undefined) throw new Error(`${series.id}, trial ${number}: ${problem}`);
  const entry = { trial, clockStepSeconds: (Date.now() - startedAt) / 1000 - seconds };
  journal.append(entry);
  entries.push(entry);
  progress.note(`  ${describeTrial(series.label, trial)}`);
  if (!isLast) return;
  open.delete(series.id);
  await stage.close();
}

/** What is still open after an end before the last trial: nothing may keep the others from being closed. */
async function closeAll({ request, open }: RunningTrials): Promise<void> {
  for (const [series, stage] of open) {
    try {
      await stage.close();
    } catch (error) {
      request.progress.note(`  ${series} could not be taken down: ${describeError(error)}`);
    }
  }
}

/** From the mean trial of each series, or of all where a series has none yet. */
function expectRemaining({ request, entries }: RunningTrials, planned: readonly PlannedTrial[]): void {
  if (entries.length === 0) return;
  const mean = (trials: readonly JournalEntry[]): number =>
    trials.reduce((sum, { trial }) => sum + trial.seconds, 0) / trials.length;
  const expected = planned.map(({ series }) => {
    const ofSeries = entries.filter(({ trial }) => trial.series === series.id);
    return mean(ofSeries.length > 0 ? ofSeries : entries);
  });
  request.progress.expect(expected.reduce((sum, seconds) => sum + seconds, 0));
}

function describeTrial(label: string, trial: Trial): string {
  const recovery = trial.recoverySeconds.map((seconds) => seconds.toFixed(1)).join(', ');
  const { reads } = trial;
  const counts = reads
    ? [
        `${reads.answered} of ${reads.asked} reads answered,`,
        `${reads.refused} refused,`,
        `${reads.wrong} wrong,`,
        `${reads.stale} stale`,
      ]
    : [
        `${trial.accepted} accepted,`,
        `${trial.inFlight} in flight,`,
        `${trial.lost} lost,`,
        `${trial.duplicates} duplicate`,
      ];
  const parts = [
    `${label} ${trial.trial}:`,
    ...counts,
    ...(recovery === '' ? [] : [`, recovered in ${recovery} s`]),
    ...trial.problems.map((problem) => `; ${problem}`),
  ];
  return parts.join(' ').replaceAll(' ,', ',').replaceAll(' ;', ';');
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
    series: series.map(({ id, label, how, mustHold, role, subject, mayLose, trials }) => ({
      id,
      label,
      how,
      mustHold,
      role,
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

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
