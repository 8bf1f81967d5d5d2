import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';

import { toolOrSkip } from '../../benchmarks/toolchain/tool-or-skip.ts';
import { alertDocumentProblems } from '../alert-documents.ts';
import { alertmanagerConfiguration } from '../alertmanager-configuration.ts';
import { amtoolProblems, promtoolProblems } from '../monitoring-tools.ts';
import { provisioningProblems } from '../provisioning.ts';
import { alertRules, readRuleFiles, type RuleFile } from '../rules.ts';

const dashboardsRoot = new URL('..', import.meta.url).pathname;
const say = (line: string): void => console.warn(line);
const promtool = await toolOrSkip('promtool', { leftOut: 'the tests of the alerts', say });
const amtool = await toolOrSkip('amtool', { leftOut: "Alertmanager's configuration", say });

function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'alerts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What promtool has to say when a file of prometheus/ is changed. */
async function problemsWith(file: string, change: (text: string) => string): Promise<string> {
  if (!promtool) throw new Error('without promtool this is skipped');
  const folder = scratchFolder();
  cpSync(join(dashboardsRoot, 'prometheus'), join(folder, 'prometheus'), { recursive: true });
  const path = join(folder, 'prometheus', file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, change(text));
  return (await promtoolProblems(promtool, folder)).join('\n');
}

/** When every alert has this expression instead of its own. */
async function problemsOfAlertsThatAre(expr: string): Promise<string> {
  const file = readRuleFiles().get('alerts.yml');
  if (!file) throw new Error('there is no alerts.yml');
  const groups = file.groups.map((group) => ({ ...group, rules: group.rules.map((rule) => ({ ...rule, expr })) }));
  return problemsWith('rules/alerts.yml', () => stringify({ groups }));
}

const failedAlerts = (output: string): ReadonlySet<string> =>
  new Set(Array.from(output.matchAll(/alertname: (\w+),/g), ([, name = '']) => name));
const allAlerts = new Set(alertRules(readRuleFiles().values()).map(({ alert }) => alert));

describe.skipIf(!promtool)('the rules and their tests, by promtool,', { timeout: 60_000 }, () => {
  it('are accepted as they are committed', async () => {
    expect(await problemsWith('rules/alerts.yml', (text) => text)).toBe('');
  });

  it('each fail for an alert that never fires', async () => {
    expect(failedAlerts(await problemsOfAlertsThatAre('vector(1) > 1'))).toEqual(allAlerts);
  });

  it('each fail for an alert that always fires', async () => {
    expect(failedAlerts(await problemsOfAlertsThatAre('vector(1)'))).toEqual(allAlerts);
  });

  it.each<readonly [what: string, file: string, before: string | RegExp, after: string, problem: RegExp]>([
    ['an unknown key', 'prometheus.yml', 'scrape_timeout: 4s', 'scrape_timout: 4s', /field scrape_timout not found/],
    ['no PromQL', 'rules/recording.yml', /sum\(rate\(/, 'sum(rate', /parse error/],
    [
      'a rule that is there twice',
      'rules/recording.yml',
      /labels: \{ slo: fast-reads \}/,
      'labels: { slo: reads }',
      /duplicate/,
    ],
  ])('are refused with %s', async (_what, file, before, after, problem) => {
    expect(await problemsWith(file, (text) => text.replace(before, after))).toMatch(problem);
  });
});

describe('the alerts', () => {
  const files = [...readRuleFiles().values()];

  it('have both tests, and their line and part of the runbook', () => {
    expect(allAlerts.size).toBeGreaterThan(10);
    expect(alertDocumentProblems(files)).toEqual([]);
  });

  it('would be missed without them', () => {
    const annotations = { summary: 'a', description: 'b', runbook: 'dashboards/README.md#elsewhere' };
    const rule = { alert: 'Untested', expr: 'vector(1)', labels: { severity: 'page' as const }, annotations };
    const file: RuleFile = { groups: [{ name: 'new', rules: [rule] }] };
    expect(alertDocumentProblems([file])).toHaveLength(5);
  });

  it('cannot be read without a severity, a summary and a runbook line', () => {
    const folder = scratchFolder();
    const text = readFileSync(join(dashboardsRoot, 'prometheus/rules/alerts.yml'), 'utf8');
    writeFileSync(join(folder, 'alerts.yml'), text);
    expect(readRuleFiles(folder).size).toBe(1);
    for (const line of [/^ +labels: \{ severity: page \}\n/m, /^ +summary: .*\n/m, /^ +runbook: .*\n/m]) {
      writeFileSync(join(folder, 'alerts.yml'), text.replace(line, ''));
      expect(() => readRuleFiles(folder)).toThrow('invalid_');
    }
  });
});

describe('the configuration of Alertmanager', () => {
  it('has the receiver that is given, whatever its characters', () => {
    const text = alertmanagerConfiguration('https://alerts.example/hook?key=a"b$&');
    expect(text).toContain('url: "https://alerts.example/hook?key=a%22b$&"');
    expect(text).not.toContain('url: ${');
  });

  it.each(['', 'alerts.example', 'ftp://alerts.example/secret-1'])('refuses %j, and does not repeat it', (url) => {
    expect(() => alertmanagerConfiguration(url)).toThrow(
      /^ALERT_RECEIVER_URL must be an http or https URL((?!secret).)*$/,
    );
  });
});

describe.skipIf(!amtool)('the configuration of Alertmanager, by amtool,', () => {
  const problemsOf = (text: string) => {
    if (!amtool) throw new Error('without amtool this is skipped');
    return amtoolProblems(amtool, text);
  };
  const configuration = alertmanagerConfiguration('https://alerts.example/hook');

  it('is accepted with a receiver', async () => {
    expect(await problemsOf(configuration)).toEqual([]);
  });

  it.each([
    ['before it has its receiver', 'https://alerts.example/hook', '${ALERT_RECEIVER_URL}', /unsupported scheme/],
    ['with a receiver that is not there', 'receiver: webhook', 'receiver: nobody', /undefined receiver "nobody"/],
    ['with an unknown key', 'group_wait: 10s', 'group_weight: 10s', /field group_weight not found/],
  ])('is refused %s', async (_what, before, after, problem) => {
    expect((await problemsOf(configuration.replace(before, () => after))).join('\n')).toMatch(problem);
  });
});

describe('the provisioning of Grafana', () => {
  it('is well made, and knows the scrape interval', () => {
    expect(provisioningProblems()).toEqual([]);
  });

  it.each([
    ['an unknown key', 'datasources/prometheus.yaml', 'access: proxy', 'acces: proxy'],
    ['another interval', 'datasources/prometheus.yaml', 'timeInterval: 5s', 'timeInterval: 15s'],
    ['edits by hand', 'dashboards/ticketing.yaml', 'allowUiUpdates: false', 'allowUiUpdates: true'],
    ['a path that is not absolute', 'dashboards/ticketing.yaml', 'path: /var', 'path: var'],
  ])('is refused with %s', (_what, file, before, after) => {
    const root = scratchFolder();
    for (const folder of ['grafana', 'prometheus']) {
      mkdirSync(join(root, folder));
      cpSync(join(dashboardsRoot, folder), join(root, folder), { recursive: true });
    }
    const path = join(root, 'grafana/provisioning', file);
    writeFileSync(path, readFileSync(path, 'utf8').replace(before, after));
    expect(provisioningProblems(root)).toHaveLength(1);
  });
});
