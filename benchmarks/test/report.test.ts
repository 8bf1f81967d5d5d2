import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';

import type { Evidence } from '../evidence/schema.ts';
import { writeEvidence } from '../evidence/write-evidence.ts';
import { formatChange, formatEstimate, formatNumber, formatQuantity, labelOfRow } from '../report/formats.ts';
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

describe('the report of a claim about a change', () => {
  const { calibration: _, predictedHitRatio: __, ...fixedRate } = structuredClone(evidence.run);
  Object.assign(fixedRate.experiment.claim, { variant: 'change', bound: 1, finding: undefined });
  const changeFiles = renderReport({ ...evidence, run: fixedRate });
  const { document: shown } = parseHTML(changeFiles['index.html'] ?? '');

  test('draws one dot for each block, and prints each block’s ratio', () => {
    expect(shown.querySelectorAll('#claim svg.wide g[data-mark="dot"] > *')).toHaveLength(10);
    const header = [...shown.querySelectorAll('#claim thead th')].at(-1);
    expect(header?.textContent).toBe('Ratio');
    expect(shown.querySelector('#claim tbody td:last-child')?.textContent).toMatch(/^0\.0\d+$/);
    expect(shown.querySelector('#claim figcaption')?.textContent).toContain('at most 1 × before');
  });

  test.each(['wide', 'narrow'])('has room for each tick of its %s axis', (size) => {
    const ticks = [...shown.querySelectorAll(`#claim svg.${size} g[data-mark="x-axis tick label"] text`)];
    const at = ticks.map((tick) => Number(/translate\(([\d.]+)/.exec(tick.getAttribute('transform') ?? '')?.[1]));
    const distances = at.toSorted((a, b) => a - b).map((x, index, sorted) => x - (sorted[index - 1] ?? -Infinity));
    const labels = ticks.map(({ textContent }) => textContent);
    expect(labels).toContain('1');
    expect(labels).not.toContain('');
    expect(at.length).toBeGreaterThan(2);
    expect(Math.min(...distances)).toBeGreaterThan(40);
  });

  test('says with the verdict what the run could have seen', () => {
    expect(shown.querySelector('header')?.textContent).toMatch(/What this run could detect:\s*a change of \d/);
    expect(page).not.toContain('could detect');
  });

  test('speaks of no calibration and no prediction where there was none', () => {
    expect(shown.querySelector('#calibration')?.textContent).toContain('nothing was calibrated');
    expect(shown.querySelector('#hit-ratio')?.textContent).not.toContain('predicted');
  });
});

describe('a run that did not go as it was meant', () => {
  const changed = (run: Partial<Evidence['run']>, samples = evidence.samples) =>
    renderReport({ ...evidence, run: { ...evidence.run, ...run }, samples });
  const calibration = { ...(evidence.run.calibration ?? expect.fail()), met: false };
  const sectionOf = (rendered: Readonly<Record<string, string>>, id: string) =>
    parseHTML(rendered['index.html'] ?? '')
      .document.querySelector(`#${id}`)
      ?.textContent.replaceAll(/\s+/g, ' ') ?? '';

  test('warns under the verdict when the calibration missed, and when the load was another one', () => {
    const missed = changed({ calibration });
    expect(missed['report.md']).toMatch(
      /^# .*\n\n.*\n\n> \[!WARNING\]\n> The rate was not confirmed.* 75 to 85 % of a/,
    );
    expect(sectionOf(missed, 'calibration')).toContain('NOT met');
    const low = renderReport(syntheticEvidence({ databaseCpuPercent: { before: 70, after: 4 } }));
    expect(low['report.md']).toMatch(
      /> \[!WARNING\]\n> Before .* the database stood at [67]\d\.\d % of a core: the rate was set for 80/,
    );
    expect(low['index.html']).toContain('class="warning"');
    expect(files['report.md']).not.toContain('[!WARNING]');
    expect(sectionOf(files, 'calibration')).toContain('was met');
  });

  test('marks the rates of the sweep that were not served: too few answers, or failed ones', () => {
    const samples = evidence.samples.map((sample) => {
      if (sample.slot === 'sweep-125-before' && sample.metric === 'reads') {
        return { ...sample, value: 0.93 * sample.value };
      }
      if (sample.slot === 'sweep-100-before' && sample.metric === 'failed_requests') return { ...sample, value: 3 };
      return sample;
    });
    const { document: shown } = parseHTML(changed({}, samples)['index.html'] ?? '');
    const served = [...shown.querySelectorAll('#rate-sweep tbody tr')].map(
      (row) =>
        `${row.querySelector('th')?.textContent} ${row.querySelectorAll('td')[3]?.textContent.replace('\u{a0}', ' ')}`,
    );
    expect(served.filter((text) => text.includes('NO'))).toEqual([
      'sweep-100-before ✗ NO: 100.0 %, 3 failed',
      'sweep-125-before ✗ NO: 93.0 %, 0 failed',
    ]);
    expect(served).toHaveLength(10);
    expect(shown.querySelector('#rate-sweep figcaption')?.textContent).toContain('not served (2 of 10)');
    expect(files['index.html']).toContain('Every rate was served.');
    expect(sectionOf(files, 'rate-sweep')).toContain('6 of 6 held');
  });

  test('says of the CPU budget’s rest whether it is missing or counted twice', () => {
    const busier = evidence.samples.map((sample) =>
      sample.metric === 'service_cpu_seconds' ? { ...sample, value: sample.value + 1 } : sample,
    );
    expect(sectionOf(files, 'cpu-budget')).toMatch(/ms, not attributed/);
    expect(sectionOf(changed({}, busier), 'cpu-budget')).toMatch(/−\d+ ms, counted twice/);
    expect(sectionOf(files, 'cpu-budget')).toMatch(/database\s?11\.\d s \[11\.\d, 12\.\d\]/);
    expect(sectionOf(files, 'cpu-budget')).toContain('what /proc/stat counted');
    const without = evidence.samples.filter(({ metric }) => metric !== 'proc_stat_cpu_seconds');
    expect(sectionOf(changed({}, without), 'cpu-budget')).not.toContain('/proc/stat');
  });

  test('names the slot of the largest schedule lag of each variant', () => {
    const samples = evidence.samples.map((sample) =>
      sample.slot === 'block-3-2' && sample.metric === 'schedule_lag_largest_seconds'
        ? { ...sample, value: 0.0734 }
        : sample,
    );
    expect(sectionOf(changed({}, samples), 'latency')).toMatch(/73\.4\sms \(block-3-2\)/);
    const without = evidence.samples.filter(({ metric }) => metric !== 'schedule_lag_largest_seconds');
    expect(sectionOf(changed({}, without), 'latency')).toMatch(/worst slotnot recordednot recorded/);
  });

  test('says why there is no hit ratio', () => {
    const without = evidence.samples.filter(({ metric }) => metric !== 'cache_hits');
    expect(sectionOf(changed({}, without), 'hit-ratio')).toContain('Hit ratio: cache_hits was not recorded.');
  });

  test('is printed on a kernel that keeps no CPU pressure', () => {
    const { cpuPressureBefore: _, cpuPressureAfter: __, ...provenance } = evidence.run.provenance;
    expect(sectionOf(changed({ provenance }), 'provenance')).toContain('not kept by the kernel');
  });
});

test('every metric stands in exactly one table that has a column for its change', () => {
  const rows = [...document.querySelectorAll('table')]
    .filter((table) => [...table.querySelectorAll('thead th')].some(({ textContent }) => textContent === 'Change'))
    .flatMap((table) => [...table.querySelectorAll('tbody th')].map(({ textContent }) => textContent));
  const labels = evidence.run.experiment.metrics.filter(({ id }) => id !== 'hit_ratio').map(labelOfRow);
  expect(rows.filter((label) => !/^Control|^Largest/.test(label))).toEqual(labels);
});

describe('index.html', () => {
  test('stays below 400 kB, asks no network and runs no script', () => {
    expect(Buffer.byteLength(page)).toBeLessThan(400_000);
    const addresses = [...page.matchAll(/(?:https?:)?\/\/[a-z][^\s"'<)]*/g)].map(([address]) => address);
    expect(addresses.filter((address) => address !== 'http://www.w3.org/2000/svg')).toEqual([]);
    expect(document.querySelectorAll('script, link, img, iframe')).toHaveLength(0);
    expect(page).not.toMatch(/\son[a-z]+=/);
  });

  test('gives every chart a title, a description and a table under it, and every table a caption', () => {
    const charts = [...document.querySelectorAll('svg')];
    expect(charts).toHaveLength(12);
    for (const chart of charts) {
      expect(chart.getAttribute('role')).toBe('img');
      const named = ['aria-labelledby', 'aria-describedby'].map(
        (attribute) => document.querySelector(`[id="${chart.getAttribute(attribute)}"]`)?.textContent ?? '',
      );
      expect(named.map(String).every((text: string) => text !== '')).toBe(true);
      expect(chart.closest('figure')?.nextElementSibling?.querySelector('table') instanceof Object).toBe(true);
    }
    for (const table of document.querySelectorAll('table')) expect(table.querySelector('caption')).not.toBeNull();
  });

  test('uses every id once', () => {
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('draws the estimate of every metric that has a ratio, the claim’s with its control, on its floor', () => {
    const shapes = (label: string) => document.querySelectorAll(`#estimates svg.wide g[data-mark="${label}"] > *`);
    const changes = evidence.run.experiment.metrics.filter(({ id }) => id !== 'hit_ratio').length;
    const labels = [...document.querySelectorAll('#estimates svg.wide text')].map(({ textContent }) => textContent);
    const tested = evidence.run.experiment.metrics.filter(({ role }) => role !== 'shown').length;
    expect(labels.filter((label) => label.startsWith('Control'))).toHaveLength(1);
    expect(shapes('rect')).toHaveLength(tested + 1);
    expect(shapes('dot').length).toBeGreaterThan(tested + 1);
    expect(shapes('dot').length).toBeLessThanOrEqual(changes + 1);
    expect(shapes('link')).toHaveLength(shapes('dot').length);
  });

  test('says in its first lines why to believe it, unless it is invalid', () => {
    const reasons =
      /Why to believe it:\s*Both variants were asked for the same 148 reads per second, in turns: 10 blocks of four slots .* 15 s measured\.\s*A variant held against itself .*: the control is clean\.\s*All 8 guards held, over the run and its 55 slots\./;
    expect(document.querySelector('header')?.textContent.replaceAll('\u{a0}', ' ')).toMatch(reasons);
    expect(renderReport(broken())['report.md']).not.toContain('Why to believe it');
  });

  test('draws one dot for each block and variant', () => {
    const dots = document.querySelectorAll('#claim svg.wide g[data-mark="dot"] > *');
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
  expect(images).toHaveLength(6);
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
    [0.0092, 0.0073, 0.0549, 's', '9.2 ms [7.3, 54.9]'],
    [0.0113, 0.0073, 0.0549, 's', '11 ms [7, 55]'],
    [265.4 * 2 ** 20, 226 * 2 ** 20, 286 * 2 ** 20, 'bytes', '265 MiB [226, 286]'],
    [12_345, 4_000, 60_000, '', '12,000 [4,000, 60,000]'],
  ])('print %d [%d, %d] %s as %s', (estimate, lower, upper, unit, text) => {
    expect(formatEstimate(location(estimate, lower, upper), unit)).toBe(text);
  });

  test.each([
    [0.0526, 0.05, 0.055, '÷ 19.0 [18.2, 20.0]'],
    [2.1, 2, 2.2, '× 2.10 [2.00, 2.20]'],
    [0.9, 0.86, 0.94, '−10 % [−14, −6]'],
    [0.45, 0.12, 0.5, '÷ 2.2 [2.0, 8.3]'],
    [0.53, 0.1, 0.61, '−47 % [−90, −39]'],
    [0.967, 0.92, 1.07, '−3.3 % [−8.0, +7.0]'],
    [0.9998, 0.992, 1.002, '0.0 % [−0.8, +0.2]'],
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
