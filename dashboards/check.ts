import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { searchTool } from '../benchmarks/toolchain/locate-tool.ts';
import { requireTool } from '../benchmarks/toolchain/require-tool.ts';
import type { Tool } from '../benchmarks/toolchain/tool.ts';
import { alertDocumentProblems } from './alert-documents.ts';
import { alertmanagerConfiguration } from './alertmanager-configuration.ts';
import { dashboardsFolder, staleDashboards } from './generate.ts';
import { lintDashboard } from './lint-dashboard.ts';
import { metricProblems } from './metric-use.ts';
import { provisioningProblems } from './provisioning.ts';
import { readRuleFiles } from './rules.ts';

/**
 * `npm run check:telemetry`: dashboards are current and well made, every metric that is asked for exists, each alert is
 * tried and has its runbook, and Prometheus' and Alertmanager's own tools accept the files. Without those tools it says
 * SKIPPED; with REQUIRE_ALL=1 it installs them. Exit status 1 when something is wrong.
 */
const run = promisify(execFile);
const folder = new URL('.', import.meta.url).pathname;
const requireAll = process.env['REQUIRE_ALL'] === '1';

function problemsOfFiles(): readonly string[] {
  const files = [...readRuleFiles().values()];
  return [
    ...staleDashboards().map((name) => `grafana/dashboards/${name} is not current: run node dashboards/generate.ts`),
    ...readdirSync(dashboardsFolder).flatMap((name) =>
      lintDashboard(readFileSync(join(dashboardsFolder, name), 'utf8')).map((problem) => `${name}: ${problem}`),
    ),
    ...metricProblems(files),
    ...alertDocumentProblems(files),
    ...provisioningProblems(),
  ];
}

/** What a tool said when it refused, or nothing. */
async function refusalOf({ path, environment }: Tool, args: readonly string[]): Promise<readonly string[]> {
  try {
    await run(path, [...args], { cwd: folder, env: { ...process.env, ...environment } });
    return [];
  } catch (error) {
    if (!(error instanceof Error && 'stdout' in error && 'stderr' in error)) throw error;
    return [`${path} ${args.join(' ')}\n${String(error.stdout)}${String(error.stderr)}`];
  }
}

async function toolFor(name: 'promtool' | 'amtool'): Promise<Tool | undefined> {
  if (requireAll) return requireTool(name);
  const { tool } = await searchTool(name);
  if (!tool)
    console.log(
      `SKIPPED  ${name} is not on this machine, and what it checks was not checked: REQUIRE_ALL=1 installs it`,
    );
  return tool;
}

async function problemsOfTools(): Promise<readonly string[]> {
  const promtool = await toolFor('promtool');
  const amtool = await toolFor('amtool');
  const scratch = mkdtempSync(join(tmpdir(), 'alertmanager-'));
  try {
    const configuration = join(scratch, 'alertmanager.yml');
    writeFileSync(configuration, alertmanagerConfiguration('https://alerts.example/hook'));
    const tests = readdirSync(join(folder, 'prometheus/tests')).map((name) => `prometheus/tests/${name}`);
    return [
      ...(promtool
        ? await refusalOf(promtool, ['check', 'config', '--lint=all', '--lint-fatal', 'prometheus/prometheus.yml'])
        : []),
      ...(promtool ? await refusalOf(promtool, ['test', 'rules', ...tests]) : []),
      ...(amtool ? await refusalOf(amtool, ['check-config', configuration]) : []),
    ];
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const problems = [...problemsOfFiles(), ...(await problemsOfTools())];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
