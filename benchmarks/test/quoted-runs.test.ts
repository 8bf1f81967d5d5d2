import { readFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { quotedRuns, withQuotedRuns } from '../report/quoted-runs.ts';
import { runIndexMarkdown, runIndexPage } from '../report/run-index.ts';
import { composeDocuments, decisionRecords, overtakenQuotations } from '../write-documents.ts';
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

it('names a quoted run that a younger one has followed, of the same experiment, database and profile alone', () => {
  const later = (run: object) => ({ ...suite, run: { ...suite.run, startedAt: '2099-01-01T00:00:00.000Z', ...run } });
  const among = (...evidence: (typeof suite)[]) => new Map(evidence.map((one) => [one.run.id, one]));
  const text = quoting('faults', suite.run.id);
  const otherDatabase = later({ id: 'of-sqlite', database: 'sqlite' });
  const otherProfile = later({ id: 'full', profile: { ...suite.run.profile, name: 'other' } });
  expect(overtakenQuotations(text, among(suite, otherDatabase, otherProfile))).toEqual([]);
  expect(overtakenQuotations(text, among(later({ id: 'next' }), suite, otherDatabase))).toEqual([
    `quotes ${suite.run.id}, and next is younger`,
  ]);
});

describe('the index of all runs', () => {
  const older = { ...suite, run: { ...suite.run, id: 'older', startedAt: '2020-01-01T00:00:00.000Z' } };
  const sqlite = { ...older, run: { ...older.run, id: 'of-sqlite', database: 'sqlite' as const } };
  const linked = (text: string) => [...text.matchAll(/(?:\]\(|<h[23]><a href=")([\w-]+)\//g)].map(([, id]) => id);

  it('lists the youngest run first, and apart from them those that a younger one of the same has replaced', () => {
    const [latest = '', earlier = ''] = runIndexMarkdown([older, sqlite, suite]).split('Earlier runs');
    expect(linked(latest)).toEqual([suite.run.id, 'of-sqlite']);
    expect(linked(earlier)).toEqual(['older']);
    expect(latest).toContain('| ✔ **CONFIRMED.** ');
    expect(runIndexMarkdown([suite])).not.toContain('Earlier runs');
  });

  it('is a page as well, with the first chart of each run that nothing has replaced', () => {
    const page = runIndexPage([older, blocks, suite]);
    expect(new Set(linked(page))).toEqual(new Set([blocks.run.id, suite.run.id, 'older']));
    expect(new Set([...page.matchAll(/<img src="([^"]+)"/g)].map(([, file]) => file))).toEqual(
      new Set([`${blocks.run.id}/claim.svg`, `${suite.run.id}/recovery.svg`]),
    );
    expect(page).not.toMatch(/https?:/);
  });
});

it(
  'is what stands in README.md, in reports/ and in its decisions: node benchmarks/cli.ts docs writes it',
  { timeout: 120_000 },
  async () => {
    const documents = await composeDocuments();
    const files = [...documents.keys()];
    expect(files).toEqual(expect.arrayContaining([...(await decisionRecords())]));
    const texts = files.map(async (file) => [file, await readFile(new URL(`../../${file}`, import.meta.url), 'utf8')]);
    expect(await Promise.all(texts)).toEqual([...documents]);
  },
);
