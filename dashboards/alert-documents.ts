import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';
import { z } from 'zod';

import { alertRules, type RuleFile } from './rules.ts';

const testsSchema = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()).default([]) })),
    }),
  ),
});

const folder = new URL('.', import.meta.url).pathname;

/** Alerts without a test in which they fire, one in which they are silent, or their line and part of the runbook. */
export function alertDocumentProblems(files: Iterable<RuleFile>, root = folder): readonly string[] {
  const tests = readdirSync(join(root, 'prometheus/tests'))
    .flatMap((name) => testsSchema.parse(parse(readFileSync(join(root, 'prometheus/tests', name), 'utf8'))).tests)
    .flatMap((test) => test.alert_rule_test);
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const headings = new Set(Array.from(readme.matchAll(/^#+ (\w+)$/gm), ([, heading = '']) => heading));
  const lines = new Set(
    Array.from(readme.matchAll(/^\| \[(\w+)\]\((#\w+)\) +\| (\w+)/gm), (line) => line.slice(1).join(' ')),
  );
  return alertRules(files).flatMap(({ alert, annotations, labels: { severity } }) => {
    const own = tests.filter(({ alertname }) => alertname === alert);
    const runbook = `dashboards/README.md#${alert.toLowerCase()}`;
    return [
      ...(own.some(({ exp_alerts }) => exp_alerts.length > 0) ? [] : [`${alert} has no test in which it fires`]),
      ...(own.some(({ exp_alerts }) => exp_alerts.length === 0) ? [] : [`${alert} has no test in which it is silent`]),
      ...(annotations.runbook === runbook
        ? []
        : [`${alert} must name its runbook as ${runbook}, got ${annotations.runbook}`]),
      ...(lines.has(`${alert} #${alert.toLowerCase()} ${severity}`)
        ? []
        : [`the runbook's table must have a line [${alert}](#${alert.toLowerCase()}) | ${severity}`]),
      ...(headings.has(alert) ? [] : [`dashboards/README.md has no part "${alert}"`]),
    ];
  });
}
