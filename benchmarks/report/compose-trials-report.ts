import { analyzeTrials } from '../analysis/analyze-trials.ts';
import type { TrialsEvidence } from '../evidence/trials-schema.ts';

import type { Content, ReportDocument } from './report-document.ts';
import { causesInWords } from './sections/pool-holders.ts';
import { frameSections } from './sections/run-frame.ts';
import { seriesSections } from './sections/series.ts';
import { trialSections, trialsValiditySection } from './sections/trials.ts';
import { foundInWords, trialsSentence } from './trials-sentence.ts';
import { whyBelieveTrials } from './why-believe.ts';

/** The whole report of a run in trials, before it is HTML or Markdown. */
export function composeTrialsReport(evidence: TrialsEvidence): ReportDocument {
  const { run } = evidence;
  const { experiment, profile } = run;
  const analysis = analyzeTrials(evidence);
  const { series, verdict, ratios } = analysis;
  const found = foundInWords(analysis);
  const summary: Content[] = [
    { kind: 'paragraph', term: 'Question', text: experiment.question },
    { kind: 'paragraph', term: 'Claim', text: experiment.claim.text },
    { kind: 'paragraph', term: `Why ${verdict.name}`, text: `${verdict.reasons.join('; ')}.` },
    ...(found.length === 0 ? [] : [{ kind: 'list', term: 'What was found', items: found } as const]),
    ...causesInWords(analysis).map((text): Content => ({ kind: 'paragraph', term: 'Cause', text })),
    ...whyBelieveTrials(run, analysis),
  ];
  const validity = trialsValiditySection(run, analysis);
  const rest = [
    ...seriesSections(run, analysis),
    ...(verdict.name === 'INVALID' ? [] : [validity]),
    ...trialSections(run, analysis),
    ...frameSections(run, {
      profile: profile.name,
      limits: experiment.limits,
      quickMeans: 'few trials, so wide bounds; a first look',
      seedGives: 'every trial the same random choices',
    }),
  ];
  return {
    title: experiment.title,
    verdict: { name: verdict.name, sentence: trialsSentence(evidence, analysis) },
    warnings: [
      ...ratios.flatMap(({ label, warnings }) => warnings.map((warning) => `${label}: ${warning}.`)),
      ...series.flatMap(({ series: { label }, brokenOnce }) => brokenOnce.map((broken) => `${label}: ${broken}.`)),
    ],
    summary,
    // What voids a run is what its reader needs first.
    sections: verdict.name === 'INVALID' ? [validity, ...rest] : rest,
  };
}
