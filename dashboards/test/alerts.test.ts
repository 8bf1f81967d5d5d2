import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';

import { searchTool } from '../../benchmarks/toolchain/locate-tool.ts';
import { requireTool } from '../../benchmarks/toolchain/require-tool.ts';
import { alertDocumentProblems } from '../alert-documents.ts';
import { alertmanagerConfiguration } from '../alertmanager-configuration.ts';
import { provisioningProblems } from '../provisioning.ts';
import { alertRules, readRuleFiles, type RuleFile } from '../rules.ts';

const dashboardsRoot = new URL('..', import.meta.url).pathname;
const promtool =
  process.env['REQUIRE_ALL'] === '1' ? await requireTool('promtool') : (await searchTool('promtool')).tool;
if (!promtool)
  console.warn(
    'SKIPPED: promtool is not on this machine, so the tests of the alerts are not tried (REQUIRE_ALL=1 installs it)',
  );

function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'alerts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What `promtool test rules` prints when every alert has this expression instead of its own. */
async function testOutput(expr: string): Promise<string> {
  const folder = scratchFolder();
  cpSync(join(dashboardsRoot, 'prometheus'), folder, { recursive: true });
  const file = readRuleFiles().get('alerts.yml');
  if (file) {
    const groups = file.groups.map((group) => ({ ...group, rules: group.rules.map((rule) => ({ ...rule, expr })) }));
    writeFileSync(join(folder, 'rules/alerts.yml'), stringify({ groups }));
  }
  if (!promtool) throw new Error('without promtool this is skipped');
  const { path, environment } = promtool;
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { ...process.env, ...environment } };
    execFile(
      path,
      ['test', 'rules', 'tests/alerts.test.yml', 'tests/error-budgets.test.yml'],
      options,
      (_error, stdout, stderr) => resolve(stdout + stderr),
    );
  });
}

const failedAlerts = (output: string): ReadonlySet<string> =>
  new Set(Array.from(output.matchAll(/alertname: (\w+),/g), ([, name = '']) => name));
const allAlerts = new Set(alertRules(readRuleFiles().values()).map(({ alert }) => alert));

describe.skipIf(!promtool)('the tests of the alerts, which make check runs,', { timeout: 60_000 }, () => {
  it('each fail for an alert that never fires', async () => {
    expect(failedAlerts(await testOutput('vector(1) > 1'))).toEqual(allAlerts);
  });

  it('each fail for an alert that always fires', async () => {
    expect(failedAlerts(await testOutput('vector(1)'))).toEqual(allAlerts);
  });
});

describe('the alerts', () => {
  const files = [...readRuleFiles().values()];

  it('have both tests, and their part of the runbook', () => {
    expect(allAlerts.size).toBeGreaterThan(10);
    expect(alertDocumentProblems(files)).toEqual([]);
  });

  it('would be missed without them', () => {
    const annotations = { summary: 'a', description: 'b', runbook: 'dashboards/README.md#elsewhere' };
    const rule = { alert: 'Untested', expr: 'vector(1)', labels: { severity: 'page' as const }, annotations };
    const file: RuleFile = { groups: [{ name: 'new', rules: [rule] }] };
    expect(alertDocumentProblems([file])).toHaveLength(4);
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
