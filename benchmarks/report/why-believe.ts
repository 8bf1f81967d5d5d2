import type { Analysis } from '../analysis/analyze-run.ts';
import type { TrialsAnalysis } from '../analysis/analyze-trials.ts';
import type { GuardOutcome, RunFrame, RunRecord } from '../evidence/schema.ts';
import type { TrialsRecord } from '../evidence/trials-schema.ts';

import { formatChange, formatNumber } from './formats.ts';
import type { Content } from './report-document.ts';

/** For a reader with one minute: what speaks for a run in blocks. None for an invalid run. */
export function whyBelieveBlocks(run: RunRecord, { primary, verdict }: Analysis): Content[] {
  if (verdict.name === 'INVALID') return [];
  const { control } = primary;
  const slots = run.slots.length;
  return because(run, [
    `both variants were asked for the same ${formatNumber(run.offeredRatePerSecond)} reads per second, interleaved in ${run.profile.blocks} blocks`,
    ...(control === undefined
      ? []
      : [
          `a variant held against itself in the same blocks came out at ${formatChange(control.ratio)} (the control is ${control.broken ? 'BROKEN' : 'clean'})`,
        ]),
    `${heldInWords([...run.guards, ...run.slots.flatMap(({ guards }) => guards)])}, over the run and its ${formatNumber(slots)} slots`,
  ]);
}

/** The same of a run in trials. */
export function whyBelieveTrials(run: TrialsRecord, { series, verdict }: TrialsAnalysis): Content[] {
  if (verdict.name === 'INVALID') return [];
  const controls = series.filter((own) => own.series.role === 'control' && own.verdict !== 'SKIPPED');
  return because(run, [
    ...(series.some((own) => own.series.subject !== 'reads')
      ? ['clients listed what they were promised, and when all was quiet SQL said what had become of it']
      : []),
    ...(controls.length === 0
      ? []
      : [
          `the same harness caught ${controls.length === 1 ? 'the control' : `all ${controls.length} controls`}, wrong on purpose`,
        ]),
    ...(run.guards.length === 0 ? [] : [heldInWords(run.guards)]),
  ]);
}

function because({ id }: RunFrame, reasons: readonly string[]): Content[] {
  const again = `every figure comes from the evidence beside this page: make verify RUN=reports/${id} computes all again`;
  return [{ kind: 'paragraph', term: 'Why to believe it', text: `${[...reasons, again].join('; ')}.` }];
}

/** `all 21 guards held`; a valid run has none that did not. */
function heldInWords(guards: readonly GuardOutcome[]): string {
  const names = new Set(guards.map(({ guard }) => guard)).size;
  return names === 1 ? 'its guard held' : `${names === 2 ? 'both' : `all ${names}`} guards held`;
}
