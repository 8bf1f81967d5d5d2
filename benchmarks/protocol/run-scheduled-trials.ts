import type { PreparedContainers } from '../environments/container-stacks.ts';
import { trialProblem } from '../evidence/check-trials-consistency.ts';
import type { OwnedSettings } from '../evidence/part-settings.ts';
import type { BrokenTrial, TrialsRecord } from '../evidence/trials-schema.ts';
import { type Annotate, annotateTrial } from './annotation.ts';
import { describeTrial } from './describe-trial.ts';
import type { ProfileName } from './experiment.ts';
import type { Progress } from './progress.ts';
import type { FrameRequest } from './run-frame.ts';
import type { OpenSeries, SeriesDefinition, TrialExperiment } from './trial-experiment.ts';
import type { JournalEntry, TrialJournal } from './trial-journal.ts';
import { type PlannedTrial, randomFor, scheduleTrials } from './trial-schedule.ts';

export interface TrialsRequest extends Omit<FrameRequest, 'seed' | 'containers'> {
  readonly experiment: TrialExperiment;
  readonly profile: ProfileName;
  /** The stages are to be made of these; of processes when it is absent. */
  readonly containers?: PreparedContainers | undefined;
  /** Its seed is the run's. */
  readonly journal: Omit<TrialJournal, 'close' | 'remove'>;
  /** A series that this machine can't run is an error. */
  readonly requireAll: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly annotate?: Annotate | undefined;
}

/** Of earlier calls and of this one. */
export interface FinishedTrials {
  /** As they are scheduled, whatever the order in which they ended. */
  readonly entries: readonly JournalEntry[];
  readonly broken: readonly BrokenTrial[];
  /** Of each series, as its stage said. */
  readonly settings: readonly OwnedSettings[];
}

type RecordSoFar = Pick<TrialsRecord, 'experiment' | 'skipped'>;

interface RunningTrials {
  readonly request: TrialsRequest;
  readonly record: RecordSoFar;
  readonly open: Map<string, OpenSeries>;
  readonly entries: JournalEntry[];
  readonly broken: BrokenTrial[];
  readonly settings: OwnedSettings[];
  /** Not begun, or not at their end. */
  readonly left: Set<PlannedTrial>;
}

/** Series that are compared take turns, so that what disturbs one meets the others. */
export const seriesAtATime = ({ order, concurrency = 1 }: Pick<TrialExperiment, 'order' | 'concurrency'>): number =>
  order === 'interleaved' ? 1 : concurrency;

/**
 * Runs every trial that the journal does not have, and takes every stage down. A trial that rejects ends its series in
 * this call, and the others go on. Rejects with the signal's reason when it was interrupted.
 */
export async function runScheduledTrials(request: TrialsRequest, record: RecordSoFar): Promise<FinishedTrials> {
  const { experiment, profile, journal, progress, signal } = request;
  const isSettled = ({ series, trial }: PlannedTrial): boolean =>
    record.skipped.some((skip) => skip.series === series.id) ||
    journal.entries.some((entry) => entry.trial.series === series.id && entry.trial.trial === trial);
  const scheduled = scheduleTrials(experiment, profile, journal.seed);
  const planned = scheduled.filter((one) => !isSettled(one));
  const [entries, broken, settings] = [[...journal.entries], [...journal.broken], [...journal.settings]];
  const open = new Map<string, OpenSeries>();
  const running = { request, record, open, entries, broken, settings, left: new Set(planned) };
  const batches =
    experiment.order === 'interleaved' ? [planned] : [...Map.groupBy(planned, ({ series }) => series).values()];
  try {
    // All have come to their end before anything is taken down.
    const lanes = Array.from({ length: seriesAtATime(experiment) }, () => runBatches(running, batches));
    const ends = await Promise.allSettled(lanes);
    signal.throwIfAborted();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return { entries: inOrder(entries, scheduled), broken, settings };
  } finally {
    progress.step('stopping what was started');
    await closeAll(running);
  }
}

function inOrder(entries: readonly JournalEntry[], scheduled: readonly PlannedTrial[]): JournalEntry[] {
  const places = new Map(scheduled.map(({ series, trial }, place) => [`${series.id} ${trial}`, place]));
  const placeOf = ({ trial: { series, trial } }: JournalEntry): number => places.get(`${series} ${trial}`) ?? 0;
  return entries.toSorted((one, other) => placeOf(one) - placeOf(other));
}

/** One after the other, as long as there is one that nobody has begun. */
async function runBatches(running: RunningTrials, batches: PlannedTrial[][]): Promise<void> {
  for (let batch = batches.shift(); batch; batch = batches.shift()) {
    const ended = new Set<SeriesDefinition>();
    for (const next of batch) {
      running.request.signal.throwIfAborted();
      if (!ended.has(next.series) && !(await hasRun(running, next))) ended.add(next.series);
      running.left.delete(next);
    }
  }
}

/** Whether its series can go on. */
async function hasRun(running: RunningTrials, planned: PlannedTrial): Promise<boolean> {
  const { journal, progress, signal } = running.request;
  const { series, trial } = planned;
  expectRemaining(running);
  try {
    await runPlanned(running, planned);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const broken = { series: series.id, trial, at: new Date().toISOString(), reason: describeError(error) };
    journal.appendBroken(broken);
    running.broken.push(broken);
    progress.note(`  ${series.label} ${trial} broke, and its series ends here: ${broken.reason}`);
    await close(running, series.id);
    return false;
  } finally {
    progress.endLane(series.id);
  }
}

async function runPlanned(running: RunningTrials, planned: PlannedTrial): Promise<void> {
  const { request, record, open, entries } = running;
  const { database, profile, containers, journal, progress, signal } = request;
  const { series, trial: number, isLast } = planned;
  const step = (text: string): void =>
    progress.step(`${series.label} · trial ${number}/${series.trials[profile]} · ${text}`, series.id);
  let stage = open.get(series.id);
  if (stage === undefined) {
    step('starting');
    const random = randomFor(journal.seed, series.id);
    stage = await series.open({ profile, database, containers, random, step, signal });
    open.set(series.id, stage);
    noteSettings(running, series.id, stage);
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
  if (problem !== undefined) throw new Error(problem);
  const entry = { trial, clockStepSeconds: (Date.now() - startedAt) / 1000 - seconds };
  journal.append(entry);
  entries.push(entry);
  progress.note(`  ${describeTrial(series.label, trial)}`);
  await request.annotate?.(annotateTrial(request.id, trial));
  if (!isLast) return;
  open.delete(series.id);
  await stage.close();
}

function noteSettings({ request, settings }: RunningTrials, owner: string, { settings: parts }: OpenSeries): void {
  if (parts === undefined) return;
  const own = { owner, parts: [...parts] };
  request.journal.appendSettings(own);
  settings.push(own);
}

/** What is still open after an end before the last trial: nothing may keep the others from being closed. */
async function closeAll(running: RunningTrials): Promise<void> {
  for (const series of running.open.keys()) await close(running, series);
}

async function close({ request, open }: RunningTrials, series: string): Promise<void> {
  const stage = open.get(series);
  open.delete(series);
  try {
    await stage?.close();
  } catch (error) {
    request.progress.note(`  ${series} could not be taken down: ${describeError(error)}`);
  }
}

/** From the mean trial of each series, or of all where a series has none yet. */
function expectRemaining({ request, entries, left }: RunningTrials): void {
  if (entries.length === 0) return;
  const mean = (trials: readonly JournalEntry[]): number =>
    trials.reduce((sum, { trial }) => sum + trial.seconds, 0) / trials.length;
  const seconds = [...left].reduce((sum, { series }) => {
    const ofSeries = entries.filter(({ trial }) => trial.series === series.id);
    return sum + mean(ofSeries.length > 0 ? ofSeries : entries);
  }, 0);
  request.progress.expect(seconds / seriesAtATime(request.experiment));
}

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
