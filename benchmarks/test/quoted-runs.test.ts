import { readFile } from 'node:fs/promises';

import { expect, it } from 'vitest';

import { quotedRuns, runIndex, withQuotedRuns } from '../report/quoted-runs.ts';
import { composeDocuments } from '../write-documents.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';
import { syntheticFaultSuite } from './synthetic-trials.ts';

const blocks = syntheticEvidence();
const suite = syntheticFaultSuite();
const runs = new Map([blocks, suite].map((evidence) => [evidence.run.id, evidence]));
const quoting = (what: string, run: string, old = 'old') =>
  `Before.\n<!-- ${what} of ${run} -->\n${old}\n<!-- end of ${what} -->\nAfter.`;

it('quotes a verdict and a table of faults, and leaves the rest as it was', () => {
  const text = `${quoting('verdict', blocks.run.id)}\n${quoting('faults', suite.run.id)}`;
  const quoted = withQuotedRuns(text, runs);
  expect(quoted).toContain('Before.');
  expect(quoted).not.toContain('old');
  expect(quoted).toContain('\n\n**CONFIRMED.** ');
  expect(quoted).toContain('| Series | Tries |');
  expect(withQuotedRuns(quoted, runs)).toBe(quoted);
  expect(quotedRuns(text)).toEqual([blocks.run.id, suite.run.id]);
});

it('sees a number that somebody has changed', () => {
  const current = withQuotedRuns(quoting('verdict', blocks.run.id), runs);
  const changed = current.replace(/\d(?= %)/, (digit) => String((Number(digit) + 1) % 10));
  expect(changed).not.toBe(current);
  expect(withQuotedRuns(changed, runs)).toBe(current);
});

it('refuses a run that is not there, a quotation that there is not, and a table of faults of a run in blocks', () => {
  expect(() => withQuotedRuns(quoting('verdict', 'gone'), runs)).toThrow('the run "gone" is quoted');
  expect(() => withQuotedRuns(quoting('praise', suite.run.id), runs)).toThrow('"praise" can\'t be quoted');
  expect(() => withQuotedRuns(quoting('faults', blocks.run.id), runs)).toThrow('is no run in trials');
});

it('lists the youngest run first', () => {
  const older = { ...suite, run: { ...suite.run, id: 'older', startedAt: '2020-01-01T00:00:00.000Z' } };
  const lines = runIndex([older, suite]).split('\n').slice(2);
  expect(lines.map((line) => /\]\((.*)\/report\.md\)/.exec(line)?.[1])).toEqual([suite.run.id, 'older']);
});

it('is what stands in README.md and reports/README.md: node benchmarks/cli.ts docs writes it', async () => {
  const documents = await composeDocuments();
  const files = [...documents.keys()];
  const texts = files.map(async (file) => [file, await readFile(new URL(`../../${file}`, import.meta.url), 'utf8')]);
  expect(await Promise.all(texts)).toEqual([...documents]);
});
