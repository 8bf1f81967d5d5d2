import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Tool } from '../benchmarks/toolchain/tool.ts';

const run = promisify(execFile);
const dashboardsRoot = new URL('.', import.meta.url).pathname;

/**
 * What promtool has against Prometheus' configuration and rules; when nothing, which tests of the rules fail.
 * @param root holds prometheus/
 */
export async function promtoolProblems(promtool: Tool, root = dashboardsRoot): Promise<readonly string[]> {
  const tests = readdirSync(join(root, 'prometheus/tests')).map((name) => `prometheus/tests/${name}`);
  const config = ['check', 'config', '--lint=all', '--lint-fatal', 'prometheus/prometheus.yml'];
  const refused = await refusalOf(promtool, config, root);
  return refused.length > 0 ? refused : refusalOf(promtool, ['test', 'rules', ...tests], root);
}

/** What amtool has against a configuration of Alertmanager. */
export async function amtoolProblems(amtool: Tool, configuration: string): Promise<readonly string[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'alertmanager-'));
  try {
    writeFileSync(join(scratch, 'alertmanager.yml'), configuration);
    return await refusalOf(amtool, ['check-config', 'alertmanager.yml'], scratch);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** What a tool said when it refused, or nothing. */
async function refusalOf(
  { path, environment }: Tool,
  args: readonly string[],
  directory: string,
): Promise<readonly string[]> {
  try {
    await run(path, [...args], { cwd: directory, env: { ...process.env, ...environment } });
    return [];
  } catch (error) {
    if (!(error instanceof Error && 'stdout' in error && 'stderr' in error)) throw error;
    return [`${path} ${args.join(' ')}\n${String(error.stdout)}${String(error.stderr)}`];
  }
}
