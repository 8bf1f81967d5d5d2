import { analyzeRun } from '../analysis/analyze-run.ts';
import type { Analysis } from '../analysis/analyze-run.ts';
import type { Evidence, RunRecord } from '../evidence/schema.ts';

import { calibrationWarnings } from './calibration-warnings.ts';
import { formatShare } from './formats.ts';
import type { Content, ReportDocument } from './report-document.ts';
import { measurementSections } from './sections/measurements.ts';
import { otherSlotSections } from './sections/other-slots.ts';
import { provenanceSections } from './sections/provenance.ts';
import { validitySection } from './sections/validity.ts';
import { boundInWords, verdictSentence } from './verdict-sentence.ts';
import { whyBelieveBlocks } from './why-believe.ts';

/** The whole report, before it is HTML or Markdown. */
export function composeReport(evidence: Evidence): ReportDocument {
  const { run } = evidence;
  const analysis = analyzeRun(evidence);
  const { verdict } = analysis;
  const bound = verdict.name === 'INVALID' ? '' : ` (${boundInWords(run)})`;
  const summary: Content[] = [
    { kind: 'paragraph', term: 'Question', text: run.experiment.question },
    { kind: 'paragraph', term: 'Claim', text: run.experiment.claim.text },
    { kind: 'paragraph', term: `Why ${verdict.name}`, text: `${verdict.reasons.join('; ')}${bound}.` },
    ...couldDetect(run, analysis),
    ...whyBelieveBlocks(run, analysis),
  ];
  const validity = validitySection(run, analysis);
  const rest = [
    ...measurementSections(run, analysis),
    ...otherSlotSections(run, analysis),
    ...(verdict.name === 'INVALID' ? [] : [validity]),
    ...provenanceSections(run),
  ];
  return {
    title: run.experiment.title,
    verdict: { name: verdict.name, sentence: verdictSentence(evidence, analysis) },
    warnings: calibrationWarnings(run, analysis),
    summary,
    // What voids a run is what its reader needs first.
    sections: verdict.name === 'INVALID' ? [validity, ...rest] : rest,
  };
}

/** A claim about a change is worth what the run could have seen: said with the verdict, not only in a table. */
function couldDetect({ experiment }: RunRecord, { primary, verdict }: Analysis): Content[] {
  if (experiment.claim.variant !== 'change' || verdict.name === 'INVALID') return [];
  const { smallestDetectable } = primary;
  const text =
    smallestDetectable === undefined
      ? 'nothing: there are too few blocks, or a block without a ratio.'
      : `a change of ${formatShare(smallestDetectable)} or more, in 80 of 100 runs with as much noise as this one.`;
  return [{ kind: 'paragraph', term: 'What this run could detect', text }];
}
