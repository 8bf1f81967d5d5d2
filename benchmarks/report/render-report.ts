import type { Evidence } from '../evidence/schema.ts';

import { composeReport } from './compose-report.ts';
import { htmlReport } from './html-report.ts';
import { markdownReport } from './markdown-report.ts';
import { standaloneSvg } from './svg.ts';

/** The report's files by name: index.html, report.md and its SVG files. Pure: the same evidence, the same bytes. */
export function renderReport(evidence: Evidence): Readonly<Record<string, string>> {
  const document = composeReport(evidence);
  const charts = document.sections
    .flatMap(({ contents }) => contents)
    .flatMap((content) => (content.kind === 'chart' ? [content.chart] : []));
  return {
    'index.html': htmlReport(document),
    'report.md': markdownReport(document),
    ...Object.fromEntries(charts.map((chart) => [`${chart.name}.svg`, standaloneSvg(chart, document.verdict.name)])),
  };
}
