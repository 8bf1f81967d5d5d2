import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';

import type { Evidence } from '../evidence/schema.ts';
import { writeEvidence } from '../evidence/write-evidence.ts';
import { formatChange, formatEstimate, formatNumber, formatQuantity } from '../report/formats.ts';
import { html } from '../report/markup.ts';
import { renderReport } from '../report/render-report.ts';
import { writeReport } from '../report/write-report.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';

const evidence = syntheticEvidence({ blocks: 10 });
const files = renderReport(evidence);
const page = files['index.html'] ?? '';
const { document } = parseHTML(page);

const broken = (): Evidence => {
  const run = structuredClone(evidence.run);
  Object.assign(run.slots[8]?.guards[2] ?? {}, { held: false, observed: '91 % of a core' });
  return { ...evidence, run };
};

describe('the report', () => {
  test('is the same to the byte when it is made again, from memory and from files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'report-'));
    try {
      await writeEvidence(folder, evidence);
      await writeReport(folder);
      const first = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')));
      await writeReport(folder);
      const second = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')));
      expect(second).toEqual(first);
      expect(first).toHaveLength(3 + Object.keys(files).length);
    } finally {
      await rm(folder, { recursive: true });
    }
    expect(renderReport(syntheticEvidence({ blocks: 10 }))).toEqual(files);
  });

  test('has its sections in their order', () => {
    expect([...document.querySelectorAll('main > section')].map(({ id }) => id)).toEqual([
      'claim',
      'estimates',
      'throughput',
      'hit-ratio',
      'latency',
      'memory',
      'cpu-budget',
      'rate-sweep',
      'closed',
      'calibration',
      'validity',
      'workload',
      'environment',
      'provenance',
      'limits',
      'reproduce',
    ]);
  });

  test('leaves out sweep and closed run where there were none', () => {
    const bare = renderReport(syntheticEvidence({ sweep: false, closed: false }))['index.html'] ?? '';
    expect(bare).not.toMatch(/id="(rate-sweep|closed)"/);
  });

  test('begins with the verdict in words, in both forms', () => {
    expect(document.querySelector('h1')?.textContent).toMatch(/CONFIRMED\. With the look-aside cache/);
    expect(files['report.md']).toMatch(/^# ✔ CONFIRMED\. With the look-aside cache PostgreSQL used 4\./);
  });
});

describe('index.html', () => {
  test('stays below 400 kB, asks no network and runs no script', () => {
    expect(page.length).toBeLessThan(400_000);
    const addresses = [...page.matchAll(/(?:https?:)?\/\/[a-z][^\s"'<)]*/g)].map(([address]) => address);
    expect(addresses.filter((address) => address !== 'http://www.w3.org/2000/svg')).toEqual([]);
    expect(document.querySelectorAll('script, link, img, iframe')).toHaveLength(0);
    expect(page).not.toMatch(/\son[a-z]+=/);
  });

  test('gives every chart a title, a description and a table, and every table a caption', () => {
    const charts = [...document.querySelectorAll('svg')];
    expect(charts).toHaveLength(10);
    for (const chart of charts) {
      expect(chart.getAttribute('role')).toBe('img');
      const named = (chart.getAttribute('aria-labelledby') ?? '')
        .split(' ')
        .map((id: string) => chart.querySelector(`#${id}`)?.textContent ?? '');
      expect(named.map(String).every((text: string) => text !== '')).toBe(true);
      expect(chart.closest('section')?.querySelector('table')).not.toBeNull();
    }
    for (const table of document.querySelectorAll('table')) expect(table.querySelector('caption')).not.toBeNull();
  });

  test('uses every id once', () => {
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('draws one dot for each block and variant', () => {
    const dots = document.querySelectorAll('#claim svg.wide g[aria-label="dot"] > *');
    expect(dots).toHaveLength(20);
  });

  test('escapes what the evidence says', () => {
    const run = structuredClone(evidence.run);
    run.experiment.title = '<script>alert("x")</script>';
    run.experiment.limits = ['a | b < c'];
    const { 'index.html': shown = '', 'report.md': text = '' } = renderReport({ ...evidence, run });
    expect(shown).not.toContain('<script>');
    expect(shown).toContain('&lt;script&gt;');
    expect(text).toContain(String.raw`a \| b \< c`);
  });

  test('says in the first lines that a run is invalid, stamps its charts and shows the guards first', () => {
    const invalid = renderReport(broken());
    const { document: shown } = parseHTML(invalid['index.html'] ?? '');
    expect(shown.querySelector('h1')?.textContent).toMatch(/INVALID\. This run proves nothing: guard generator-cpu/);
    expect(shown.body.className).toBe('invalid');
    expect(shown.querySelector('main > section')?.id).toBe('validity');
    expect(invalid['claim.svg']).toContain('>INVALID</text>');
    expect(invalid['report.md']).toContain('> [!CAUTION]');
    expect(files['claim.svg']).not.toContain('INVALID');
  });
});

test('every image of report.md is a file that brings both themes along', () => {
  const images = [...(files['report.md'] ?? '').matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, name]) => name ?? '');
  expect(images).toHaveLength(5);
  for (const name of images) {
    expect(files[name]).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(files[name]).toContain('prefers-color-scheme:dark');
  }
});

describe('formats', () => {
  const location = (estimate: number, lower: number, upper: number) => ({
    estimate,
    lower,
    upper,
    confidence: 0.95,
    count: 6,
    warnings: [],
  });

  test.each([
    [4.1234, 3.8, 4.4, '%', '4.1 % [3.8, 4.4]'],
    [79.2, 77.1, 81.4, '%', '79 % [77, 81]'],
    [0.002345, 0.0021, 0.0026, 's', '2.3 ms [2.1, 2.6]'],
    [123_456, 120_000, 127_000, '', '123,000 [120,000, 127,000]'],
    [182 * 2 ** 20, 180 * 2 ** 20, 185 * 2 ** 20, 'bytes', '182 MiB [180, 185]'],
    [148.1234, 148.1201, 148.1302, '1/s', '148.1/s [148.1, 148.1]'],
    [1000, 1000, 1000, 'per 1,000 requests', '1,000'],
    [0, -0.2, 0.2, '%', '0.0 % [−0.2, 0.2]'],
  ])('print %d [%d, %d] %s as %s', (estimate, lower, upper, unit, text) => {
    expect(formatEstimate(location(estimate, lower, upper), unit)).toBe(text);
  });

  test.each([
    [0.0526, 0.05, 0.055, '÷ 19.0 [18.2, 20.0]'],
    [2.1, 2, 2.2, '× 2.10 [2.00, 2.20]'],
    [0.9, 0.86, 0.94, '−10 % [−14, −6]'],
    [1.012, 1.002, 1.022, '+1.2 % [+0.2, +2.2]'],
    [1, 1, 1, '0 %'],
  ])('print a ratio of %d [%d, %d] as %s', (estimate, lower, upper, text) => {
    expect(formatChange(location(estimate, lower, upper))).toBe(text);
  });

  test('keep three significant digits, group thousands and leave whole numbers whole', () => {
    expect([1234.5, 0.012345, 10_040, -2.345, 0].map((value) => formatNumber(value))).toEqual([
      '1,230',
      '0.0123',
      '10,040',
      '−2.35',
      '0',
    ]);
    expect(formatQuantity(0, 's')).toBe('0 µs');
  });
});

test('a template escapes text, joins lists and passes markup', () => {
  expect(html`<p title="${'"<&'}">${[html`<b>1</b>`, undefined]}${undefined}${2}</p>`.markup).toBe(
    '<p title="&quot;&lt;&amp;"><b>1</b>2</p>',
  );
});
