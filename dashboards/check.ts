import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Tool, ToolName } from '../benchmarks/toolchain/tool.ts';
import { toolOrSkip } from '../benchmarks/toolchain/tool-or-skip.ts';
import { alertDocumentProblems } from './alert-documents.ts';
import { alertmanagerConfiguration } from './alertmanager-configuration.ts';
import { dashboardsFolder, staleDashboards } from './generate.ts';
import { lintDashboard } from './lint-dashboard.ts';
import { metricProblems } from './metric-use.ts';
import { amtoolProblems, promtoolProblems } from './monitoring-tools.ts';
import { provisioningProblems } from './provisioning.ts';
import { readRuleFiles } from './rules.ts';

/**
 * `npm run check:telemetry`: dashboards are current and well made, every metric that is asked for exists, each alert is
 * tried and has its runbook, and Prometheus' and Alertmanager's own tools accept the files. Those are installed when
 * this machine has none; where they can't be, it says SKIPPED, and fails with REQUIRE_ALL=1. Exit status 1 when
 * something is wrong.
 */
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

async function problemsOfTool(
  name: ToolName,
  leftOut: string,
  problemsBy: (tool: Tool) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const tool = await toolOrSkip(name, { leftOut, say: (line) => console.log(line) });
  return tool === undefined ? [] : problemsBy(tool);
}

const problems = [
  ...problemsOfFiles(),
  ...(await problemsOfTool('promtool', 'the rules and their tests', promtoolProblems)),
  ...(await problemsOfTool('amtool', "Alertmanager's configuration", (amtool) =>
    amtoolProblems(amtool, alertmanagerConfiguration('https://alerts.example/hook')),
  )),
];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
