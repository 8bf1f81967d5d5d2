import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { quotedRuns } from '../report/quoted-runs.ts';
import { decisionRecords } from '../write-documents.ts';

const read = (file: string) => readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
const files = await decisionRecords();
const records = await Promise.all(files.map(async (file) => ({ file, text: await read(file) })));

/**
 * Numbers that stand for nothing that a command wrote: not between the marks of a quotation, not in code (what is
 * declared), not in a link, a date or a name such as p99. The title's own is the record's.
 */
function figuresByHand(text: string): readonly string[] {
  const byHand = text
    .replace(/^# \d+\./, '')
    .replaceAll(/<!-- (\w+) of [\w-]+ -->.*?<!-- end of \1 -->/gs, '')
    .replaceAll(/`[^`]*`|\[[^\]]*\]\([^)]*\)|\d{4}-\d\d-\d\d/g, '');
  return byHand.match(/(?<![\p{L}\d.,])\d[\d.,]*.{0,12}/gu) ?? [];
}

it('there are records, numbered without a gap, and the list has each with its title', async () => {
  expect(files.length).toBeGreaterThan(0);
  const list = await read('reports/decisions/README.md');
  for (const [index, { file, text }] of records.entries()) {
    expect(path.basename(file)).toMatch(new RegExp(`^${String(index + 1).padStart(4, '0')}-`));
    const [, number, title = ''] = /^# (\d+)\. (.*)\n/.exec(text) ?? [];
    expect(Number(number)).toBe(index + 1);
    expect(list).toContain(`[${title}](${path.basename(file)})`);
  }
});

describe.each(records)('$file', ({ text }) => {
  it('has every part of a record', () => {
    const parts = [...text.matchAll(/^## (.*)$/gm)].map(([, part]) => part);
    expect(parts).toEqual(['Context', 'Options', 'Decision', 'Evidence', 'What it costs', 'When to revisit']);
  });

  it('says no figure that is not quoted from a run or declared in code', () => {
    expect(figuresByHand(text)).toEqual([]);
  });

  it('links the report of each run that it quotes', () => {
    for (const run of quotedRuns(text)) expect(text).toContain(`(../${run}/report.md`);
  });
});

it.each([
  ['It took 12 ms.', ['12 ms.']],
  ['A rate of 3.86 times, and p99 fell.', ['3.86 times, and ']],
  ['<!-- verdict of run -->\n\n85 % of a core\n', ['85 % of a core']],
  ['<!-- verdict of run -->\n\n85 %\n\n<!-- end of verdict -->\n`p ≤ 0.005` since 2026-11-23 [4 ms](x.md#7)', []],
])('a figure by hand is found in %j', (text, figures) => {
  expect(figuresByHand(text)).toEqual(figures);
});
