import type { VerdictName } from '../analysis/verdict.ts';

import { badges } from './badges.ts';
import { html, raw } from './markup.ts';
import type { Markup } from './markup.ts';
import { pageStyle } from './page-style.ts';
import type { Content, ReportDocument, Section, Table } from './report-document.ts';
import { captionId, inlineSvg } from './svg.ts';

/** One self-contained page: no network, no script, both themes, phone and A4. */
export function htmlReport({ title, verdict, warnings, summary, sections }: ReportDocument): string {
  const { name } = verdict;
  const sentence = verdict.sentence.slice(name.length + 1).trim();
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${name}: ${title}</title>
        <style>
          ${raw(pageStyle)}
        </style>
      </head>
      <body class="${name.toLowerCase()}">
        <header>
          <h1>
            <span class="badge"><span aria-hidden="true">${badges[name]}</span> ${name}.</span> ${prose(sentence)}
          </h1>
          ${warnings.map((warning) => html`<p class="warning"><b>Warning:</b> ${prose(warning)}</p> `)}
          <p class="title">${title}</p>
          ${summary.map((content) => contentMarkup(content, name))}
        </header>
        <nav aria-label="Contents">
          <ul>
            ${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
          </ul>
        </nav>
        <main>${sections.map((section) => sectionMarkup(section, name))}</main>
      </body>
    </html> `;
  return page.markup;
}

function sectionMarkup({ id, title, contents }: Section, verdict: VerdictName): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-heading">
    <h2 id="${id}-heading">${title}</h2>
    ${contents.map((content) => contentMarkup(content, verdict))}
  </section> `;
}

function contentMarkup(content: Content, verdict: VerdictName): Markup {
  switch (content.kind) {
    case 'paragraph':
      return html`<p>
        ${content.term === undefined ? undefined : html`<b>${content.term}:</b> `}${prose(content.text)}
      </p> `;
    case 'list':
      return html`${content.term === undefined ? undefined : html`<p><b>${content.term}:</b></p> `}
        <ul>
          ${content.items.map((item) => html`<li>${prose(item)}</li>`)}
        </ul> `;
    case 'code':
      return html`<pre tabindex="0"><code>${content.text}</code></pre> `;
    case 'table':
      return content.collapsed === true ? folded(content.table) : tableMarkup(content.table);
    case 'chart': {
      const { chart, table } = content;
      return html`<figure>
          ${raw(inlineSvg(chart, 'wide', verdict))} ${raw(inlineSvg(chart, 'narrow', verdict))}
          <figcaption id="${captionId(chart)}"><b>${chart.title}.</b> ${prose(chart.description)}</figcaption>
        </figure>
        ${table ? folded(table) : undefined}`;
    }
    default:
      throw new TypeError(`unknown content ${JSON.stringify(content satisfies never)}`);
  }
}

function folded(table: Table): Markup {
  return html`<details>
    <summary>Table: ${table.caption}</summary>
    ${tableMarkup(table)}
  </details> `;
}

/** On paper a table with more columns has no room for the whole words of their heads. */
const mostWholeWords = 9;

/** Rows of sentences: where there is little room each cell stands below the one before, under its column's name. */
const isOfSentences = ({ columns }: Table): boolean => columns.filter(({ wide }) => wide === true).length > 1;

function tableMarkup(table: Table): Markup {
  const { caption, columns, rows } = table;
  const stacked = isOfSentences(table);
  const alignment = (index: number) =>
    columns[index]?.numeric === true ? 'n' : columns[index]?.wide === true ? 't w' : 't';
  return html`<div class="scroll${stacked ? ' sentences' : ''}" role="group" aria-label="${caption}" tabindex="0">
    <table${columns.length > mostWholeWords ? raw(' class="many"') : undefined}>
      <caption>
        <span>${caption}</span>
      </caption>
      <thead>
        <tr>
          ${columns.map(({ label }, index) => html`<th scope="col" class="${alignment(index)}">${label}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell, index) => (index === 0 ? html`<th scope="row" class="${alignment(0)}">${cell}</th>` : dataCell(cell, { alignment: alignment(index), label: stacked ? columns[index]?.label : undefined })))}
            </tr> `,
        )}
      </tbody>
    </table>
  </div> `;
}

/** Most cells are numbers: they have no class, which keeps the page small. */
function dataCell(text: string, { alignment, label }: { alignment: string; label: string | undefined }): Markup {
  if (alignment === 'n') return html`<td>${prose(text)}</td>`;
  if (label === undefined) return html`<td class="${alignment}">${prose(text)}</td>`;
  return html`<td class="${alignment}" data-label="${label}">${prose(text)}</td>`;
}

/** Keeps a number and its unit on one line, a factor, and an interval. */
function prose(text: string): string {
  return text
    .replaceAll(/(\d) (?=(?:%|µs|ms|s|GiB|MiB|KiB|B|keys)(?!\w))/g, '$1\u{a0}')
    .replaceAll(/([÷×≤]) (?=\d)/g, '$1\u{a0}')
    .replaceAll(/(\[[−+\d.,]+,) (?=[−+\d.,]+\])/g, '$1\u{a0}');
}
