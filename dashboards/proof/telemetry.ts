import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { readCommit } from '../../benchmarks/evidence/fingerprint.ts';
import { openStage } from '../../benchmarks/faults/open-stage.ts';
import type { Stage, StageRequest } from '../../benchmarks/faults/stage.ts';
import { createProgress } from '../../benchmarks/protocol/progress.ts';
import { setUpTools } from '../../benchmarks/toolchain/set-up-tools.ts';
import type { ToolName } from '../../benchmarks/toolchain/tool.ts';
import { familyOf, metricsOfPanels, metricsOfRules, readCatalogue, spareMetrics } from '../metric-use.ts';
import { alertRules, readRuleFiles } from '../rules.ts';
import { dashboards } from '../source/dashboards.ts';
import { askPanels } from './ask-panels.ts';
import { type ControlGroup, createControlGroup } from './control-group.ts';
import { judgeAlerts } from './judge-alerts.ts';
import { runLoads } from './loads.ts';
import { type Monitoring, scrapeSeconds, startMonitoring, timeCompression } from './monitoring.ts';
import type { LeftOut, LoadWindow, TelemetryOutcome } from './outcome.ts';
import { queryRange } from './prometheus-api.ts';
import { problemsOf, renderTelemetry } from './telemetry-report.ts';

/**
 * `make telemetry`: brings the service and its monitoring up, loads and hurts it, and holds every panel and every alert
 * against what was done. Leaves reports/telemetry/. Exit status 0: all is as it must be; 1: something is not, and it is
 * said what; 4: it could not run. `--render` makes the pages again from the last run's outcome.json.
 */
const reportFolder = new URL('../../reports/telemetry/', import.meta.url).pathname;
const outcomeFile = 'outcome.json';
const toolNames = [
  'redis-server',
  'postgres',
  'prometheus',
  'prometheus-redis-exporter',
  'prometheus-postgres-exporter',
  'alertmanager',
] as const satisfies readonly ToolName[];
/** Rates look back, alerts have a "for". */
const settleMs = 8_000;

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => interruption.abort(new Error(signal)));

async function observe(): Promise<TelemetryOutcome> {
  const tools = await setUpTools(toolNames, process.stdout);
  const progress = createProgress(process.stdout);
  const { signal } = interruption;
  const step = (text: string): void => progress.step(text);
  const group = createControlGroup(`ticketing-telemetry-${process.pid}`);
  const leftOut = 'impossible' in group ? { 'resources-limited': group.impossible } : {};
  const controlGroup = 'impossible' in group ? undefined : group;
  let stage: Stage | undefined;
  let monitoring: Monitoring | undefined;
  try {
    stage = await openTelemetryStage({ controlGroup, signal, step });
    const startedAt = new Date().toISOString();
    step('Prometheus, its exporters and Alertmanager');
    monitoring = await startMonitoring(stage, join(stage.directory, 'monitoring'));
    const windows = await runLoads(stage, { controlGroup, step, signal });
    await sleep(settleMs, undefined, { signal });
    step('asking every panel');
    const { commit } = await readCommit();
    return {
      startedAt,
      commit,
      versions: Object.fromEntries(tools.map(({ name, version }) => [name, version])),
      ...(await judge(monitoring, windows, leftOut)),
    };
  } finally {
    progress.close();
    try {
      await monitoring?.close();
    } finally {
      await stage?.close();
      controlGroup?.remove();
    }
  }
}

function openTelemetryStage({
  controlGroup,
  signal,
  step,
}: Pick<StageRequest, 'signal' | 'step'> & { readonly controlGroup: ControlGroup | undefined }): Promise<Stage> {
  return openStage({
    database: 'postgres',
    seatCreation: 'stream',
    workers: 2,
    minIdleMs: 3_000,
    configuration: {
      PERFORMANCE_CACHE_TTL_MS: '3000',
      DATABASE_ACQUIRE_TIMEOUT_MS: '1500',
      DATABASE_STATEMENT_TIMEOUT_MS: '6000',
    },
    ...(controlGroup && {
      entry: { api: ['dashboards/proof/run-in-control-group.ts', 'service/src/main.ts', ...controlGroup.folders] },
    }),
    signal,
    step,
  });
}

async function judge(
  { prometheusUrl, delivered, inhibited }: Monitoring,
  windows: readonly LoadWindow[],
  leftOut: LeftOut,
): Promise<Omit<TelemetryOutcome, 'startedAt' | 'commit' | 'versions'>> {
  const range = {
    fromSeconds: Math.min(...windows.map(({ fromSeconds }) => fromSeconds)),
    toSeconds: Date.now() / 1_000,
  };
  const firing = await queryRange(prometheusUrl, 'ALERTS{alertstate="firing"}', range);
  const files = [...readRuleFiles().values()];
  return {
    timeCompression,
    scrapeSeconds,
    windows,
    leftOut,
    ...(await askPanels(prometheusUrl, dashboards, { range, windows, leftOut })),
    alerts: judgeAlerts(alertRules(files), { firing, windows, leftOut, delivered, inhibited }),
    unusedMetrics: metricsWithoutPanel(),
    missingMetrics: await missingMetrics(prometheusUrl, range),
  };
}

/** With the reason for which each is exported all the same. */
function metricsWithoutPanel(): Readonly<Record<string, string>> {
  const catalogue = readCatalogue();
  const shown = new Set([...metricsOfPanels()].map((name) => familyOf(name, catalogue)));
  const ruled = new Set([...metricsOfRules(readRuleFiles().values())].map((name) => familyOf(name, catalogue)));
  return Object.fromEntries(
    catalogue
      .filter(({ name }) => !shown.has(name))
      .map(({ name }) => [name, spareMetrics[name] ?? (ruled.has(name) ? 'a rule needs it' : 'nobody knows')]),
  );
}

async function missingMetrics(
  prometheusUrl: string,
  range: { fromSeconds: number; toSeconds: number },
): Promise<readonly string[]> {
  const names = await queryRange(prometheusUrl, 'count by (__name__) ({job="ticketing"})', range);
  const catalogue = readCatalogue();
  const present = new Set(names.map(({ labels }) => familyOf(labels['__name__'] ?? '', catalogue)));
  return catalogue.filter(({ name, only }) => !present.has(name) && only !== 'SQLite').map(({ name }) => name);
}

/** The last run's, to render it again. */
async function readOutcome(): Promise<TelemetryOutcome> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `write`, below
  return JSON.parse(await readFile(join(reportFolder, outcomeFile), 'utf8')) as TelemetryOutcome;
}

async function write(outcome: TelemetryOutcome): Promise<void> {
  await mkdir(reportFolder, { recursive: true });
  for (const name of await readdir(reportFolder)) await rm(join(reportFolder, name));
  const files = { ...renderTelemetry(outcome), [outcomeFile]: `${JSON.stringify(outcome)}\n` };
  for (const [name, text] of Object.entries(files)) await writeFile(join(reportFolder, name), text);
}

try {
  const outcome = process.argv.includes('--render') ? await readOutcome() : await observe();
  await write(outcome);
  const problems = problemsOf(outcome);
  for (const problem of problems) console.error(problem);
  console.log(`\n${outcome.queries.length} queries, ${outcome.alerts.length} alerts, ${problems.length} problems`);
  console.log('  reports/telemetry/index.html\n  reports/telemetry/report.md');
  process.exitCode = problems.length === 0 ? 0 : 1;
} catch (error) {
  console.error(interruption.signal.aborted ? 'interrupted: everything that was started has been stopped' : error);
  process.exitCode = interruption.signal.aborted ? 130 : 4;
}
