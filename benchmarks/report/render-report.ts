import type { RunEvidence } from '../evidence/trials-schema.ts';

import { composeReport } from './compose-report.ts';
import { composeTrialsReport } from './compose-trials-report.ts';
import { htmlReport } from './html-report.ts';
import { markdownReport } from './markdown-report.ts';
import { chartsOf } from './report-document.ts';
import type { ReportDocument } from './report-document.ts';
import { standaloneSvg } from './svg.ts';

/** By the protocol of the run. */
export const composeDocument = (evidence: RunEvidence): ReportDocument =>
  'trials' in evidence ? composeTrialsReport(evidence) : composeReport(evidence);

/** The report's files by name: index.html, report.md and its SVG files. Pure: the same evidence, the same bytes. */
export function renderReport(evidence: RunEvidence): Readonly<Record<string, string>> {
  const document = composeDocument(evidence);
  return {
    'index.html': htmlReport(document),
    'report.md': markdownReport(document),
    ...Object.fromEntries(
      chartsOf(document).map((chart) => [`${chart.name}.svg`, standaloneSvg(chart, document.verdict.name)]),
    ),
  };
}
