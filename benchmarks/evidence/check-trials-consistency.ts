import { timelineDefinitionProblem, timelineProblem } from './check-timeline.ts';
import { EvidenceError } from './evidence-error.ts';
import { evidenceFiles } from './evidence-files.ts';
import { poolHoldersProblem } from './pool-holders-schema.ts';
import type { Trial, TrialsEvidence, TrialsRecord } from './trials-schema.ts';

/**
 * What no schema can say: that the trials are those of the run's series, 1 to n without gaps, and that every accepted
 * job of each ended in exactly one way. Throws `EvidenceError`.
 */
export function checkTrialsConsistency({ run, trials }: TrialsEvidence): void {
  checkRun(run);
  const counts = new Map<string, number>();
  for (const [index, trial] of trials.entries()) {
    const place = { file: evidenceFiles.trials, line: index + 1 };
    const expected = (counts.get(trial.series) ?? 0) + 1;
    const problem = trialProblem(run, trial);
    if (problem !== undefined) throw new EvidenceError(place, problem);
    if (trial.trial !== expected) {
      throw new EvidenceError(place, `"${trial.series}" has trial ${trial.trial} where ${expected} was expected`);
    }
    counts.set(trial.series, expected);
  }
}

/** Why a trial cannot be one of this run's, with its numbers; `undefined` when it can. */
export function trialProblem(
  { experiment: { series, values, timeline }, skipped }: Pick<TrialsRecord, 'experiment' | 'skipped'>,
  trial: Trial,
): string | undefined {
  const own = series.find(({ id }) => id === trial.series);
  if (own === undefined) return `series "${trial.series}" is not in ${evidenceFiles.run}`;
  if (skipped.some((skip) => skip.series === trial.series)) return `series "${trial.series}" was skipped`;
  if (trial.trial > own.trials) return `trial ${trial.trial} of "${trial.series}", of which there are ${own.trials}`;
  if ((own.subject === 'reads') !== (trial.reads !== undefined)) {
    return `"${trial.series}" is about ${own.subject ?? 'jobs'}, and its trial counts ${trial.reads ? '' : 'no '}reads`;
  }
  const unknown = Object.keys(trial.values).find((id) => !values.some((value) => value.id === id));
  if (unknown !== undefined) return `value "${unknown}" is not defined in ${evidenceFiles.run}`;

  const { offered, accepted, stored, deadLettered, lost, faults, recoverySeconds } = trial;
  if (accepted !== stored + deadLettered + lost) {
    return `${accepted} accepted are not ${stored} stored + ${deadLettered} dead-lettered + ${lost} lost`;
  }
  if (accepted > offered) return `${accepted} accepted of ${offered} offered`;
  if (trial.reads) {
    const { asked, answered, refused, wrong, stale } = trial.reads;
    if (asked !== answered + refused + wrong + stale) {
      return `${asked} reads are not ${answered} answered + ${refused} refused + ${wrong} wrong + ${stale} stale`;
    }
  }
  if (recoverySeconds.length > faults) return `${recoverySeconds.length} recoveries from ${faults} faults`;
  return timelineProblem(timeline, trial.timeline) ?? poolHoldersProblem(trial.poolHolders);
}

function checkRun({ experiment, skipped, broken = [] }: TrialsRecord): void {
  const fail = (problem: string): never => {
    throw new EvidenceError({ file: evidenceFiles.run }, problem);
  };
  const checkUnique = (what: string, ids: readonly string[]): void => {
    const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
    if (repeated !== undefined) fail(`${what} "${repeated}" stands there twice`);
  };
  const series = experiment.series.map(({ id }) => id);
  const values = experiment.values.map(({ id }) => id);
  checkUnique('series', series);
  checkUnique('value', values);
  checkUnique(
    'skipped series',
    skipped.map((skip) => skip.series),
  );
  const named = [
    ...[...skipped, ...broken].map(({ series: id }) => id),
    ...experiment.comparisons.flatMap(({ numerator, denominator }) => [numerator, denominator]),
  ];
  const shownByNone = experiment.series.find(({ role, mustShow }) => role !== 'control' && mustShow !== undefined)?.id;
  if (shownByNone !== undefined) fail(`series "${shownByNone}" must show something and is no control`);
  const unknownSeries = named.find((id) => !series.includes(id));
  if (unknownSeries !== undefined) fail(`series "${unknownSeries}" is skipped, broken or compared, and not defined`);
  const unknownValue = experiment.comparisons.find(({ value }) => !values.includes(value))?.value;
  if (unknownValue !== undefined) fail(`value "${unknownValue}" is compared, and not defined`);
  const timeline = experiment.timeline && timelineDefinitionProblem(experiment.timeline, experiment.values);
  if (timeline !== undefined) fail(timeline);
}
