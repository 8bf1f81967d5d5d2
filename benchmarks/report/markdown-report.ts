import { badges } from './badges.ts';
import { escape } from './markup.ts';
import type { Content, ReportDocument, Table } from './report-document.ts';

/** For GitHub; charts are the SVG files beside it. */
export function markdownReport({ title, verdict, warnings, summary, sections }: ReportDocument): string {
  const { name, sentence } = verdict;
  const caution =
    name === 'INVALID'
      ? ['> [!CAUTION]\n> This run is invalid. Its numbers are printed to find the cause, and prove nothing.']
      : [];
  const parts = [
    `# ${badges[name]} ${escapeText(sentence)}`,
    `*${escapeText(title)}*`,
    ...caution,
    ...warnings.map((warning) => `> [!WARNING]\n> ${escapeText(warning)}`),
    ...summary.map(contentText),
    ...sections.flatMap(({ title, contents }) => [`## ${escapeText(title)}`, ...contents.map(contentText)]),
  ];
  return `${parts.join('\n\n')}\n`;
}

function contentText(content: Content): string {
  switch (content.kind) {
    case 'paragraph':
      return (content.term === undefined ? '' : `**${escapeText(content.term)}:** `) + escapeText(content.text);
    case 'list':
      return [
        ...(content.term === undefined ? [] : [`**${escapeText(content.term)}:**`, '']),
        ...content.items.map((item) => `- ${escapeText(item)}`),
      ].join('\n');
    case 'code':
      return `\`\`\`sh\n${content.text}\n\`\`\``;
    case 'table':
      return content.collapsed === true ? folded(content.table) : tableText(content.table);
    case 'chart': {
      const { chart, table } = content;
      const image = `![${escapeText(chart.title)}](${chart.name}.svg)\n\n${escapeText(chart.description)}`;
      return table ? `${image}\n\n${folded(table)}` : image;
    }
    default:
      throw new TypeError(`unknown content ${JSON.stringify(content satisfies never)}`);
  }
}

function folded(table: Table): string {
  return `<details>\n<summary>Table: ${escape(table.caption)}</summary>\n\n${rowsText(table)}\n\n</details>`;
}

function tableText(table: Table): string {
  return `**${escapeText(table.caption)}**\n\n${rowsText(table)}`;
}

/** The table alone, without its caption. */
export function rowsText({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeText).join(' | ')} |`;
  const rule = `|${columns.map(({ numeric }) => (numeric === true ? '---:' : '---')).join('|')}|`;
  return [line(columns.map(({ label }) => label)), rule, ...rows.map(line)].join('\n');
}

function escapeText(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]<>|~#]/g, String.raw`\$&`).replaceAll('\n', ' ');
}
