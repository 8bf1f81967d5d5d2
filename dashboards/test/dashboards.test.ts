import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { dashboardsFolder, staleDashboards } from '../generate.ts';
import { lintDashboard } from '../lint-dashboard.ts';
import { metricProblems } from '../metric-use.ts';
import { readRuleFiles, type RuleFile } from '../rules.ts';
import { dashboards } from '../source/dashboards.ts';
import { dashboardJson } from '../source/grafana-json.ts';
import type { DashboardDefinition } from '../source/panel.ts';

describe('the dashboards', () => {
  it('are as committed', () => {
    expect(staleDashboards(), 'run node dashboards/generate.ts').toEqual([]);
  });

  it('are seen to be stale when one was edited, is missing, or has no definition any more', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dashboards-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    cpSync(dashboardsFolder, folder, { recursive: true });
    const edited = join(folder, 'data-layer.json');
    writeFileSync(edited, readFileSync(edited, 'utf8').replace('"unit": "s"', '"unit": "ms"'));
    rmSync(join(folder, 'seat-creation.json'));
    writeFileSync(join(folder, 'forgotten.json'), '{}');
    expect(staleDashboards(folder)).toEqual(['data-layer.json', 'seat-creation.json', 'forgotten.json']);
  });

  it.each(readdirSync(dashboardsFolder))('%s is well made', (name) => {
    expect(lintDashboard(readFileSync(join(dashboardsFolder, name), 'utf8'))).toEqual([]);
  });

  it('have uids and titles of their own', () => {
    expect(new Set(dashboards.map(({ id }) => id)).size).toBe(dashboards.length);
    expect(new Set(dashboards.map(({ title }) => title)).size).toBe(dashboards.length);
  });
});

describe('the lint of a dashboard', () => {
  const panel = {
    title: 'One',
    description: 'What it shows',
    unit: 's',
    queries: [{ expr: 'up', legend: 'up', moves: 'reads' }],
  } as const;
  const definition: DashboardDefinition = {
    id: 'test',
    title: 'Test',
    description: 'For a test',
    rows: [{ title: 'Row', panels: [panel, { ...panel, title: 'Two' }] }],
  };
  const json = dashboardJson(definition);

  it('has nothing to say of a good one', () => {
    expect(lintDashboard(json)).toEqual([]);
  });

  it.each<readonly [what: string, change: (text: string) => string, problem: RegExp]>([
    ['two panels with one id', (text) => text.replaceAll('"id": 3', '"id": 2'), /several panels have the id 2/],
    [
      'two panels with one title',
      (text) => text.replace('"title": "Two"', '"title": "One"'),
      /several panels are called "One"/,
    ],
    ['a panel upon another', (text) => text.replace('"x": 8', '"x": 4'), /lies on panel/],
    ['a panel that leaves the page', (text) => text.replace('"x": 8', '"x": 20'), /leaves the 24 columns/],
    ['no unit', (text) => text.replace('"unit": "s"', '"unit": ""'), /has no unit/],
    ['no title', (text) => text.replace('"title": "Two"', '"title": ""'), /has no title/],
    [
      'no description',
      (text) => text.replace('"description": "What it shows"', '"description": ""'),
      /has no description/,
    ],
    ['no legend', (text) => text.replace('"legendFormat": "up"', '"legendFormat": ""'), /has no legend/],
    [
      'a data source of its own',
      (text) =>
        text.replace(
          /("type": "prometheus",\s+"uid": )"\$\{datasource\}"(?=[^]{0,40}\},\s+"gridPos")/,
          '$1"my-prometheus"',
        ),
      /does not use the variable/,
    ],
    [
      'no variable for the data source',
      (text) => text.replace('"name": "datasource"', '"name": "source"'),
      /no variable for the data/,
    ],
    ['no uid', (text) => text.replace('"uid": "ticketing-test"', '"uid": ""'), /the uid must have/],
    ['no query', (text) => text.replace(/"targets": \[[^[]*?\n {6}\]/, '"targets": []'), /asks for nothing/],
    [
      'the same query twice',
      (text) => text.replace(/("targets": \[)(\n {8}\{[^[]*?\n {8}\})/, '$1$2,$2'),
      /several queries A/,
    ],
  ])('finds %s', (_what, change, problem) => {
    const changed = change(json);
    expect(changed).not.toBe(json);
    expect(lintDashboard(changed).join('\n')).toMatch(problem);
  });
});

describe('the metrics that are asked for', () => {
  const files = [...readRuleFiles().values()];

  it('are all made, and all that are made are asked for or listed as spare', () => {
    expect(metricProblems(files)).toEqual([]);
  });

  it('would be missed by name', () => {
    const rules: RuleFile = {
      groups: [{ name: 'wrong', rules: [{ record: 'nobody:asks:rate5m', expr: 'rate(no_such_metric_total[5m])' }] }],
    };
    expect(metricProblems([...files, rules])).toEqual([
      expect.stringMatching(/^no_such_metric_total is asked for/),
      expect.stringMatching(/^nobody:asks:rate5m is made, and no panel or rule uses it/),
    ]);
  });
});
