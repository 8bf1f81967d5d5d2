import { htmlReport } from '../../benchmarks/report/html-report.ts';
import { markdownReport } from '../../benchmarks/report/markdown-report.ts';
import { type Content, paragraph, type ReportDocument, type Section } from '../../benchmarks/report/report-document.ts';
import { standaloneSvg } from '../../benchmarks/report/svg.ts';
import { dashboards } from '../source/dashboards.ts';
import type { LoadWindow, QueryOutcome, TelemetryOutcome } from './outcome.ts';
import { type DrawnRun, panelChart } from './panel-chart.ts';

/** Everything that is not as it must be, in sentences. */
export function problemsOf({ queries, alerts, missingMetrics }: TelemetryOutcome): readonly string[] {
  return [
    ...queries.flatMap(({ dashboard, panel, legend, problem }) =>
      problem ? [`${dashboard}, ${panel}, ${legend}: ${problem}`] : [],
    ),
    ...alerts.flatMap(({ alert, problem }) => (problem ? [`${alert}: ${problem}`] : [])),
    ...missingMetrics.map((metric) => `${metric} is catalogued, and Prometheus has no series of it`),
  ];
}

/** The report's files by name. Pure: the same outcome, the same bytes. */
export function renderTelemetry(outcome: TelemetryOutcome): Readonly<Record<string, string>> {
  const document = composeTelemetry(outcome);
  const charts = document.sections
    .flatMap(({ contents }) => contents)
    .flatMap((content) => (content.kind === 'chart' ? [content.chart] : []));
  return {
    'index.html': htmlReport(document),
    'report.md': markdownReport(document),
    ...Object.fromEntries(charts.map((chart) => [`${chart.name}.svg`, standaloneSvg(chart, document.verdict.name)])),
  };
}

function composeTelemetry(outcome: TelemetryOutcome): ReportDocument {
  const { queries, alerts } = outcome;
  const problems = problemsOf(outcome);
  const moving = queries.filter(({ moves }) => typeof moves === 'string');
  const varying = queries.filter(({ moves }) => typeof moves === 'object' && 'varies' in moves);
  const provoked = alerts.filter(({ expected }) => typeof expected === 'string');
  const name = problems.length === 0 ? 'CONFIRMED' : 'REFUTED';
  return {
    title: 'Telemetry: every panel answers, and every alert fires at what it is for',
    verdict: {
      name,
      sentence:
        `${name}. ${passed(moving)} queries of the dashboards left their quiet range under the load that is named for them, ` +
        `${passed(varying)} that drift while all is quiet varied under it; ` +
        `${passed(provoked)} alerts fired at what they are for, went through Alertmanager, and were silent before.`,
    },
    warnings: problems,
    summary: [
      paragraph(
        'The service, two workers, PostgreSQL, two Redis servers, a real Prometheus, its exporters and Alertmanager ran on one machine, and were loaded and hurt. Then every query of every panel was asked as Grafana would.',
      ),
      paragraph(
        'The pictures are drawn by us from Prometheus’ answers, and not by Grafana: there is no Grafana server on this machine. Grafana’s own look is made from the committed JSON, which is written with Grafana’s published schema types.',
      ),
    ],
    sections: [
      ...pictureSections(outcome),
      loadSection(outcome),
      alertSection(outcome),
      querySection(outcome),
      metricSection(outcome),
      limitSection(outcome),
    ],
  };
}

function pictureSections({ drawn, windows }: TelemetryOutcome): readonly Section[] {
  const lastPoints = drawn.flatMap(({ series }) => series.flatMap(({ points }) => points.at(-1)?.[0] ?? []));
  const run: DrawnRun = {
    windows,
    fromSeconds: startOf(windows),
    toSeconds: Math.max(...windows.map(({ toSeconds }) => toSeconds), ...lastPoints),
  };
  return dashboards
    .map(({ id, title, description }) => ({
      id,
      title: title.replace('Ticketing: ', '').replace(/^./, (first) => first.toUpperCase()),
      contents: [
        paragraph(description),
        ...drawn
          .filter(({ dashboard }) => dashboard === id)
          .map((panel): Content => ({ kind: 'chart', chart: panelChart(panel, run) })),
      ],
    }))
    .filter(({ contents }) => contents.length > 1);
}

function loadSection({ windows, leftOut }: TelemetryOutcome): Section {
  const start = startOf(windows);
  const rows = windows
    .toSorted((a, b) => a.fromSeconds - b.fromSeconds)
    .map(({ load, what, fromSeconds, toSeconds }) => [
      load,
      what,
      (fromSeconds - start).toFixed(0),
      (toSeconds - start).toFixed(0),
    ]);
  const columns = [
    { label: 'Load' },
    { label: 'What was done', wide: true },
    { label: 'From, s', numeric: true },
    { label: 'To, s', numeric: true },
  ];
  return {
    id: 'loads',
    title: 'What was done',
    contents: [
      { kind: 'table', table: { caption: 'Loads and outages', columns, rows } },
      ...Object.entries(leftOut).map(([load, why]) => paragraph(`Left out: ${load}, because ${why}.`)),
    ],
  };
}

function alertSection({ alerts, windows, timeCompression }: TelemetryOutcome): Section {
  const start = startOf(windows);
  const rows = alerts.map(({ alert, severity, expected, firedAtSeconds, notification, problem }) => [
    alert,
    severity,
    typeof expected === 'string' ? expected : `not provoked: ${expected.notProvoked}`,
    firedAtSeconds === undefined ? '–' : (firedAtSeconds - start).toFixed(0),
    notification === 'none' ? '–' : notification,
    problem ?? 'as it must be',
  ]);
  const columns = [
    { label: 'Alert' },
    { label: 'Severity' },
    { label: 'Must fire at' },
    { label: 'Fired at, s', numeric: true },
    { label: 'By Alertmanager' },
    { label: 'Judged', wide: true },
  ];
  return {
    id: 'alerts',
    title: 'Alerts',
    contents: [
      paragraph(
        `The committed rules with every range and every "for" divided by ${timeCompression}: a minute of theirs is a second of the run. Thresholds are as committed. While all was quiet none may fire. Alertmanager has its committed configuration, in the same time, with a webhook of this run as its receiver; what it held back is explained by another alert.`,
      ),
      { kind: 'table', table: { caption: 'Alerts of the run', columns, rows } },
    ],
  };
}

function querySection({ queries }: TelemetryOutcome): Section {
  const rows = queries.map(({ dashboard, panel, legend, moves, series, points, problem }) => [
    `${dashboard}: ${panel}`,
    legend,
    expectationOf(moves),
    String(series),
    String(points),
    problem ?? 'as it must be',
  ]);
  const columns = [
    { label: 'Panel' },
    { label: 'Line' },
    { label: 'Must move under' },
    { label: 'Series', numeric: true },
    { label: 'Points', numeric: true },
    { label: 'Judged', wide: true },
  ];
  return {
    id: 'queries',
    title: 'Every query of every panel',
    contents: [{ kind: 'table', table: { caption: 'Queries', columns, rows }, collapsed: true }],
  };
}

function expectationOf(moves: QueryOutcome['moves']): string {
  if (typeof moves === 'string') return moves;
  return 'stands' in moves ? `stands: ${moves.stands}` : `${moves.varies}, varies only: ${moves.because}`;
}

function metricSection({ unusedMetrics, missingMetrics, queries }: TelemetryOutcome): Section {
  const rows = Object.entries(unusedMetrics).map(([metric, why]) => [metric, why]);
  const empty = queries
    .filter(({ series }) => series === 0)
    .map(({ dashboard, panel, legend }) => `${dashboard}: ${panel}, ${legend}`);
  return {
    id: 'metrics',
    title: 'Metrics without a panel, panels without a metric',
    contents: [
      {
        kind: 'table',
        table: {
          caption: 'Metrics of the service that no panel shows',
          columns: [{ label: 'Metric' }, { label: 'Why it is there' }],
          rows,
        },
      },
      paragraph(`Metrics of the catalogue that Prometheus has no series of: ${missingMetrics.join(', ') || 'none'}.`),
      paragraph(`Lines without data: ${empty.join('; ') || 'none'}.`),
    ],
  };
}

function limitSection({ startedAt, commit, versions, scrapeSeconds, timeCompression }: TelemetryOutcome): Section {
  return {
    id: 'limits',
    title: 'Limits, and how to do it again',
    contents: [
      {
        kind: 'list',
        items: [
          'One run, one machine, loopback: it shows that the telemetry tells what happens, not how much the service carries.',
          `Scraped every ${scrapeSeconds} s instead of every 5 s; rules in a time that runs ${timeCompression} times faster.`,
          'A line has moved when it left the range that it had while all was quiet, or appeared. One that drifts while all is quiet has only to vary: that it is alive, not that the load shows. That a line says the right thing is for the pictures.',
          'The JSON was not loaded into a Grafana server. The receiver of the alerts is a webhook of this run.',
        ],
      },
      { kind: 'code', text: 'make telemetry' },
      paragraph(
        `${startedAt}, commit ${commit.slice(0, 12)}; ${Object.entries(versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', ')}.`,
      ),
    ],
  };
}

const passed = (judged: readonly { readonly problem?: string }[]): string =>
  `${judged.filter(({ problem }) => problem === undefined).length} of ${judged.length}`;
const startOf = (windows: readonly LoadWindow[]): number => Math.min(...windows.map(({ fromSeconds }) => fromSeconds));
