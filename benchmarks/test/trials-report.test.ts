import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';

import { analyzeTrials } from '../analysis/analyze-trials.ts';
import { trialSchema, trialsRecordSchema } from '../evidence/trials-schema.ts';
import type { TrialsEvidence } from '../evidence/trials-schema.ts';
import { faultLines, seriesTableMarkdown } from '../report/fault-table.ts';
import { formatUpperBound } from '../report/formats.ts';
import { renderReport } from '../report/render-report.ts';
import { syntheticCrashes, syntheticFaultSuite, syntheticReads, syntheticScale } from './synthetic-trials.ts';

const crashes = syntheticCrashes();
const suite = syntheticFaultSuite();
const documentOf = (evidence: TrialsEvidence) => parseHTML(renderReport(evidence)['index.html'] ?? '').document;
const sectionsOf = (evidence: TrialsEvidence) =>
  [...documentOf(evidence).querySelectorAll('main > section')].map(({ id }) => id);
const broken = (): TrialsEvidence => ({
  ...suite,
  trials: suite.trials.map((trial) =>
    trial.series === 'zombie' && trial.trial === 2 ? { ...trial, duplicates: 1 } : trial,
  ),
});
const blind = (): TrialsEvidence => ({
  ...crashes,
  trials: crashes.trials.map((trial) => ({ ...trial, lost: 0, stored: trial.accepted })),
});

test('what is invented has the shape of evidence', () => {
  for (const { run, trials } of [crashes, suite, syntheticScale(), syntheticReads()]) {
    expect(trialsRecordSchema.parse(run)).toEqual(run);
    for (const trial of trials) expect(trialSchema.parse(trial)).toEqual(trial);
  }
});

describe('the report of trials', () => {
  test('is the same to the byte when it is made again', () => {
    expect(renderReport(syntheticCrashes())).toEqual(renderReport(crashes));
    expect(renderReport(syntheticFaultSuite())).toEqual(renderReport(suite));
  });

  test('has its sections in their order, and only those with something to show', () => {
    const frame = ['trials', 'settings', 'environment', 'provenance', 'limits', 'reproduce'];
    expect(sectionsOf(crashes)).toEqual(['lost-jobs', 'series', 'recovery', 'bounds', 'validity', ...frame]);
    expect(sectionsOf(suite)).toEqual(['series', 'recovery', 'bounds', 'validity', ...frame]);
    expect(sectionsOf(syntheticScale())).toEqual(['values', 'series', 'validity', ...frame]);
  });

  test('names first what did not hold', () => {
    expect(sectionsOf(broken()).slice(0, 2)).toEqual(['failures', 'series']);
    const items = [...documentOf(broken()).querySelectorAll('#failures li')].map(({ textContent }) => textContent);
    expect(items).toEqual(['zombie (DOES NOT HOLD): 1 duplicate (trial 2).']);
  });

  test('shows what voids an invalid run before anything else, and stamps its charts', () => {
    expect(sectionsOf(blind()).slice(0, 2)).toEqual(['validity', 'failures']);
    const files = renderReport(blind());
    expect(files['lost-jobs.svg']).toContain('>INVALID</text>');
    expect(files['report.md']).toContain('> [!CAUTION]');
  });

  test('draws each trial as a dot, the lost jobs of each and the recoveries, with a table under each chart', () => {
    const document = documentOf(crashes);
    expect(document.querySelectorAll('#lost-jobs svg.wide g[data-mark="dot"] > *')).toHaveLength(100);
    expect(document.querySelectorAll('#recovery svg.wide g[data-mark="dot"] > *')).toHaveLength(50);
    for (const figure of documentOf(syntheticScale()).querySelectorAll('figure')) {
      expect(figure.nextElementSibling?.querySelector('table')).not.toBeNull();
    }
  });

  test('lists every trial, and how to draw its random choices again', () => {
    const document = documentOf(crashes);
    expect(document.querySelectorAll('#trials tbody tr')).toHaveLength(100);
    expect(document.querySelector('#trials')?.textContent).toContain(`SEED=${crashes.run.seed} draws them again`);
    expect(document.querySelector('#reproduce')?.textContent).toContain(crashes.run.provenance.command);
  });

  test('says series by series what its sentence sums up, where they are few', () => {
    const found = [...documentOf(syntheticReads()).querySelectorAll('header li')].map(({ textContent }) =>
      textContent.replaceAll('\u{a0}', ' '),
    );
    expect(found.slice(0, 4)).toEqual([
      expect.stringMatching(
        /^within capacity: Of 200 reads 200 answered, 0 refused.* Back in order within 1\.\d+ s\.$/,
      ),
      expect.stringMatching(/^beyond capacity: Of 200 reads 150 answered, 50 refused/),
      expect.stringMatching(/^patient, wrong on purpose: 20 of 200 reads/),
      expect.stringMatching(/^unlimited, wrong on purpose: .*34 loads in flight/),
    ]);
    for (const summedUp of [crashes, suite]) {
      expect(renderReport(summedUp)['report.md']).not.toContain('What was found');
    }
  });

  test('sets what was measured side by side, and leaves out columns and words that have nothing to say', () => {
    const text = renderReport(syntheticReads())['report.md'] ?? '';
    expect(text).toContain('| Value | within capacity | beyond capacity | control: unlimited |');
    expect(text).toContain('| Most loads in flight | 8 | 8 | 34 |');
    expect(text).toMatch(/\| p99 of the answered \| 1\d\d ms \(1\d\d to 1\d\d\) \|/);
    expect(text).not.toContain('P99 +1st s');
    expect(text).not.toContain('Accepted is what clients');
    expect(text).toContain('HOLDS. Of 200 reads 150 answered, 50 refused, 0 wrong, 0 stale.');
    expect(renderReport(crashes)['report.md']).toContain('Accepted is what clients');
  });

  test('uses every id once and escapes what the evidence says', () => {
    const run = structuredClone(suite.run);
    Object.assign(run.experiment.series[0] ?? {}, { label: '<b>x</b>', how: 'a | b' });
    const { 'index.html': page = '', 'report.md': text = '' } = renderReport({ ...suite, run });
    expect(page).not.toContain('<b>x</b>');
    expect(text).toContain(String.raw`a \| b`);
    const ids = [...parseHTML(page).document.querySelectorAll('[id]')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('the lines of a terminal', () => {
  test('stand in the same columns, one for each series, before and after it has run', () => {
    const [heading = '', ...lines] = faultLines(analyzeTrials(suite));
    expect(lines).toHaveLength(suite.run.experiment.series.length);
    const column = heading.indexOf('verdict');
    for (const line of lines) expect(line.slice(column)).toMatch(/^(HOLDS|CAUGHT)$/);
    const first = suite.trials.filter(({ series }) => series === 'consumer-sigkill');
    const [, running, waiting] = faultLines(analyzeTrials({ ...suite, trials: first }));
    expect(running).toBe(lines[0]);
    expect(waiting?.slice(column)).toBe('INCOMPLETE');
  });

  test('say what is not as it must be', () => {
    const line = faultLines(analyzeTrials(broken())).find((own) => own.includes('zombie'));
    expect(line).toMatch(/^✗ zombie .* 1 +≤ 87 % .* DOES NOT HOLD$/);
    expect(faultLines(analyzeTrials(blind()))[1]).toMatch(/^✗ in the process .* HARNESS IS BLIND$/);
  });

  test('count nothing for a series that was skipped', () => {
    const run = { ...suite.run, skipped: [{ series: 'power-cut', reason: 'no compiler: install gcc' }] };
    const trials = suite.trials.filter(({ series }) => series !== 'power-cut');
    const line = faultLines(analyzeTrials({ run, trials })).find((own) => own.includes('power cut'));
    expect(line).toMatch(/^– power cut of Redis(\s+–){8}\s+SKIPPED$/);
  });
});

test('the table for a README has one row for each series', () => {
  const rows = seriesTableMarkdown(suite).split('\n');
  expect(rows).toHaveLength(2 + suite.run.experiment.series.length);
  expect(rows[0]).toBe(
    '| Series | Tries | Accepted | Stored | Dead-lettered | Lost | Duplicate | Bound by crash | Time to recover | Verdict |',
  );
  expect(rows[2]).toContain('| ✓ consumer SIGKILL | 10 | 5,000 | 5,000 | 0 | 0 | 0 | ≤ 26 % |');
});

test.each([
  [0.0295130496, '3 %'],
  [0.6315968501, '64 %'],
  [0.0581550791, '5.9 %'],
  [0.0000149785, '0.0015 %'],
  [0.064, '6.4 %'],
  [1, '100 %'],
])('an upper bound of %d is printed as %s, never rounded down', (probability, text) => {
  expect(formatUpperBound(probability)).toBe(text);
});
