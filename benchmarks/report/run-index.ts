import type { RunEvidence } from '../evidence/trials-schema.ts';

import { badges } from './badges.ts';
import { html, raw } from './markup.ts';
import type { Markup } from './markup.ts';
import { pageStyle } from './page-style.ts';
import { composeDocument } from './render-report.ts';
import type { Chart, ReportDocument } from './report-document.ts';
import { chartsOf } from './report-document.ts';

interface Entry {
  readonly id: string;
  /** `2026-11-23, performance-cache, PostgreSQL, full`. */
  readonly title: string;
  readonly document: ReportDocument;
}

interface RunIndex {
  /** The youngest run of each experiment, engine, environment and profile; the youngest first. */
  readonly latest: readonly Entry[];
  /** Those that a younger one has taken the place of. */
  readonly earlier: readonly Entry[];
}

/** In pixels; one that is taller would hide the runs after it. */
const tallestChart = 900;

const databaseNames = { postgres: 'PostgreSQL', sqlite: 'SQLite' } as const;

function indexOf(evidence: readonly RunEvidence[]): RunIndex {
  const seen = new Set<string>();
  const index = { latest: [] as Entry[], earlier: [] as Entry[] };
  for (const of of evidence.toSorted((one, other) => Number(one.run.startedAt < other.run.startedAt) || -1)) {
    const { id, experiment, database, environment, profile, startedAt } = of.run;
    const place = environment === 'processes' ? [] : [environment];
    const key = [experiment.id, databaseNames[database], ...place, profile.name].join(', ');
    const entry = { id, title: `${startedAt.slice(0, 10)}, ${key}`, document: composeDocument(of) };
    (seen.has(key) ? index.earlier : index.latest).push(entry);
    seen.add(key);
  }
  return index;
}

/** For reports/README.md: each run with a link to its report and what it says. */
export function runIndexMarkdown(evidence: readonly RunEvidence[]): string {
  const { latest, earlier } = indexOf(evidence);
  return [
    ...tableLines(latest),
    ...(earlier.length === 0 ? [] : ['', 'Earlier runs of the same, in whose place a younger one stands:', '']),
    ...(earlier.length === 0 ? [] : tableLines(earlier)),
  ].join('\n');
}

function tableLines(entries: readonly Entry[]): string[] {
  return [
    '| Run | What it says |',
    '| --- | --- |',
    ...entries.map(({ id, title, document: { verdict } }) => {
      const sentence = verdict.sentence.slice(verdict.name.length + 1).replaceAll('|', String.raw`\|`);
      return `| [${title}](${id}/report.md) | ${badges[verdict.name]} **${verdict.name}.**${sentence} |`;
    }),
  ];
}

/** reports/index.html: the same with the first chart of each, read from the run's folder. */
export function runIndexPage(evidence: readonly RunEvidence[]): string {
  const { latest, earlier } = indexOf(evidence);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Reports of the ticketing lab</title>
        <style>
          ${raw(pageStyle)}
        </style>
      </head>
      <body>
        <header>
          <h1>Reports of the ticketing lab</h1>
          <p>
            Each claim about the service, what was found, and a page with everything that it stands on. Every figure is
            computed from the evidence in the run’s folder; <code>make verify</code> computes all of them again.
          </p>
        </header>
        <main>
          <ul class="runs">
            ${latest.map(listItem)}
          </ul>
          ${latest.map((entry) => section(entry, true))}
          ${
            earlier.length === 0
              ? undefined
              : html`<h2>Earlier runs</h2>
                  <p>In the place of each stands a younger run of the same experiment, engine and profile.</p>
                  ${earlier.map((entry) => section(entry, false))}`
          }
        </main>
      </body>
    </html> `;
  return page.markup;
}

/** All verdicts at a glance, each with the way to what stands below. */
function listItem({ id, title, document: { verdict, title: what } }: Entry): Markup {
  return html`<li class="${verdict.name.toLowerCase()}">
    <span class="badge"><span aria-hidden="true">${badges[verdict.name]}</span> ${verdict.name}</span>
    <a href="#${id}">${what}</a> <span class="title">${title}</span>
  </li> `;
}

function section({ id, title, document }: Entry, withChart: boolean): Markup {
  const { verdict } = document;
  const claim = document.summary.find((content) => content.kind === 'paragraph' && content.term === 'Claim');
  const [first] = chartsOf(document);
  const chart = withChart && first && first.draw('wide').height <= tallestChart ? first : undefined;
  const heading = html`<a href="${id}/index.html">${document.title}</a>`;
  return html`<section class="${verdict.name.toLowerCase()}" id="${id}">
    ${withChart ? html`<h2>${heading}</h2>` : html`<h3>${heading}</h3>`}
    <p class="title">${title}</p>
    ${claim?.kind === 'paragraph' ? html`<p><b>Claim:</b> ${claim.text}</p>` : undefined}
    <p>
      <span class="badge"><span aria-hidden="true">${badges[verdict.name]}</span> ${verdict.name}.</span>
      ${verdict.sentence.slice(verdict.name.length + 1).trim()}
    </p>
    ${chart ? image(id, chart) : undefined}
  </section> `;
}

function image(id: string, { name, title }: Chart): Markup {
  return html`<a href="${id}/index.html"><img src="${id}/${name}.svg" alt="${title}" loading="lazy" /></a>`;
}
