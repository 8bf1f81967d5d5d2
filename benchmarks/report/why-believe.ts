import type { Analysis } from '../analysis/analyze-run.ts';
import type { TrialsAnalysis } from '../analysis/analyze-trials.ts';
import { allInWords } from '../analysis/trials-verdict.ts';
import type { GuardOutcome, RunFrame, RunRecord } from '../evidence/schema.ts';
import type { TrialsRecord } from '../evidence/trials-schema.ts';

import { formatChange, formatNumber, formatQuantity } from './formats.ts';
import { guardKind } from './guard-kinds.ts';
import type { Content } from './report-document.ts';

/** For a reader with one minute: what speaks for a run in blocks. None for an invalid run. */
export function whyBelieveBlocks(run: RunRecord, { primary, verdict }: Analysis): Content[] {
  if (verdict.name === 'INVALID') return [];
  const { control } = primary;
  const { blocks, warmUpSeconds, windowSeconds } = run.profile;
  return because(run, [
    `Both variants were asked for the same ${formatNumber(run.offeredRatePerSecond)} reads per second, in turns: ${blocks} blocks of four slots (before, after, after, before, or the mirror image), each slot ${formatQuantity(warmUpSeconds, 's')} to warm up and ${formatQuantity(windowSeconds, 's')} measured.`,
    ...(control === undefined
      ? []
      : [
          `A variant held against itself in the same blocks came out at ${formatChange(control.ratio)}: the control is ${control.broken ? 'BROKEN' : 'clean'}.`,
        ]),
    `${heldInWords([...run.guards, ...run.slots.flatMap(({ guards }) => guards)])}, over the run and its ${formatNumber(run.slots.length)} slots.`,
  ]);
}

/** The same of a run in trials. */
export function whyBelieveTrials(run: TrialsRecord, { series, verdict }: TrialsAnalysis): Content[] {
  if (verdict.name === 'INVALID') return [];
  const controls = series.filter((own) => own.series.role === 'control' && own.verdict !== 'SKIPPED');
  return because(run, [
    ...(series.some((own) => own.series.subject !== 'reads')
      ? ['Clients listed what they were promised, and when all was quiet SQL said what had become of it.']
      : []),
    ...(controls.length === 0
      ? []
      : [
          `The same harness caught ${allInWords(controls.length, 'control')}, wrong on purpose: it sees what it is to see.`,
        ]),
    ...(run.guards.length === 0 ? [] : [`${heldInWords(run.guards)}.`]),
  ]);
}

function because({ id }: RunFrame, reasons: readonly string[]): Content[] {
  const again = `Every figure comes from the evidence beside this page: make verify RUN=reports/${id} computes all again.`;
  return [{ kind: 'list', term: 'Why to believe it', items: [...reasons, again] }];
}

/** `All 21 guards held`; a valid run has none that did not. */
function heldInWords(guards: readonly GuardOutcome[]): string {
  const kinds = new Set(guards.map(({ guard }) => guardKind(guard))).size;
  const words = allInWords(kinds, 'guard');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} held`;
}
