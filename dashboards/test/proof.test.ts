import { describe, expect, it } from 'vitest';

import { expectedAlerts, judgeAlerts } from '../proof/judge-alerts.ts';
import { asFarAsDone, problemOf } from '../proof/judge-queries.ts';
import type { LoadWindow, TelemetryOutcome } from '../proof/outcome.ts';
import { drawnPanels } from '../proof/drawn-panels.ts';
import type { Series } from '../proof/prometheus-api.ts';
import { problemsOf, renderTelemetry } from '../proof/telemetry-report.ts';
import { type AlertRule, alertRules, readRuleFiles } from '../rules.ts';
import { dashboards } from '../source/dashboards.ts';

const windows: readonly LoadWindow[] = [
  { load: 'quiet', what: 'nothing', fromSeconds: 100, toSeconds: 110 },
  { load: 'reads', what: 'reads', fromSeconds: 120, toSeconds: 130 },
];
const line = (values: Readonly<Record<number, number>>): Series => ({
  labels: {},
  points: Object.entries(values).map(([at, value]) => [Number(at), value]),
});

describe('a query', () => {
  it.each<readonly [what: string, series: readonly Series[], problem: string | undefined]>([
    ['rises under its load', [line({ 105: 1, 125: 2 })], undefined],
    ['falls under its load', [line({ 105: 1, 125: 0 })], undefined],
    ['appears under its load', [line({ 125: 3 })], undefined],
    ['has one line of two that moves', [line({ 105: 1, 125: 1 }), line({ 105: 1, 125: 5 })], undefined],
    ['moves in the seconds that a rate looks back', [line({ 105: 1, 134: 2 })], undefined],
    ['has no data', [], 'it has no data'],
    ['is constant', [line({ 105: 1, 125: 1 })], 'it did not move under reads'],
    ['stays within what it was', [line({ 104: 1, 105: 3, 125: 2 })], 'it did not move under reads'],
    ['moves under something else only', [line({ 105: 1, 115: 9, 125: 1, 150: 9 })], 'it did not move under reads'],
  ])('that %s: %j', (_what, series, problem) => {
    expect(problemOf('reads', series, windows)).toBe(problem);
  });

  it.each<readonly [what: string, series: readonly Series[], problem: string | undefined]>([
    ['varies within its quiet range', [line({ 104: 1, 105: 9, 124: 2, 125: 3 })], undefined],
    ['has one line of two that varies', [line({ 124: 1, 125: 1 }), line({ 124: 1, 125: 2 })], undefined],
    ['has no data', [], 'it has no data'],
    ['is constant, though not where it was', [line({ 105: 1, 124: 2, 125: 2 })], 'it was constant under reads'],
    ['has lines that are constant, each its own', [line({ 124: 1 }), line({ 125: 2 })], 'it was constant under reads'],
    ['varies after its load only', [line({ 124: 1, 125: 1, 131: 2 })], 'it was constant under reads'],
  ])('that has only to vary, and %s: %j', (_what, series, problem) => {
    expect(problemOf({ varies: 'reads', because: 'it drifts' }, series, windows)).toBe(problem);
  });

  it('that stands must have data, unless it says why not', () => {
    expect(problemOf({ stands: 'a limit' }, [line({ 105: 1 })], windows)).toBeUndefined();
    expect(problemOf({ stands: 'a limit' }, [], windows)).toBe('it has no data');
    expect(problemOf({ stands: 'a limit', mayBeEmpty: true }, [], windows)).toBeUndefined();
  });

  it('stands, and may be empty, where its load had to be left out', () => {
    const leftOut = { writes: 'nobody may write' };
    const stands = { stands: 'nobody may write', mayBeEmpty: true };
    expect(asFarAsDone('writes', leftOut)).toEqual(stands);
    expect(asFarAsDone({ varies: 'writes', because: 'it drifts' }, leftOut)).toEqual(stands);
    expect(asFarAsDone('reads', leftOut)).toBe('reads');
    expect(asFarAsDone({ stands: 'a limit' }, leftOut)).toEqual({ stands: 'a limit' });
  });

  it('can not be judged when its load did not happen', () => {
    expect(problemOf('writes', [line({ 105: 1, 125: 2 })], windows)).toBe('the run had no writes to hold it against');
    expect(problemOf('reads', [line({ 125: 2 })], windows.slice(1))).toBe('the run had no quiet to hold it against');
    expect(problemOf({ varies: 'writes', because: 'it drifts' }, [line({ 105: 1, 125: 2 })], windows)).toBe(
      'the run had no writes to hold it against',
    );
  });
});

describe('an alert of the run', () => {
  const rule = (alert: string): AlertRule => ({
    alert,
    expr: 'vector(1)',
    labels: { severity: 'page' },
    annotations: { summary: '', description: '', runbook: '' },
  });
  const held: LoadWindow = { load: 'pool-held', what: 'a lock', fromSeconds: 140, toSeconds: 150 };
  const firing = (...times: readonly number[]): readonly Series[] =>
    times.length === 0 ? [] : [{ labels: { alertname: 'SlowQuery' }, points: times.map((at) => [at, 1]) }];
  const nobody: ReadonlySet<string> = new Set();
  const slowQuery: ReadonlySet<string> = new Set(['SlowQuery']);
  const judge = (series: readonly Series[], delivered = slowQuery, inhibited = nobody) =>
    judgeAlerts([rule('SlowQuery')], {
      firing: series,
      windows: [...windows, held],
      leftOut: {},
      delivered,
      inhibited,
    })[0];

  it('is as it must be when it fires under its load, and is delivered', () => {
    expect(judge(firing(145, 146))).toEqual({
      alert: 'SlowQuery',
      severity: 'page',
      expected: 'pool-held',
      notification: 'delivered',
      firedAtSeconds: 145,
    });
  });

  it('is as it must be when Alertmanager holds it back, because another one explains it', () => {
    expect(judge(firing(145), nobody, slowQuery)).toMatchObject({ notification: 'held back' });
    expect(judge(firing(145), nobody, slowQuery)).not.toHaveProperty('problem');
    expect(judge(firing(145), slowQuery, slowQuery)).toMatchObject({ notification: 'delivered' });
  });

  it.each<readonly [series: readonly Series[], delivered: ReadonlySet<string>, problem: string]>([
    [firing(), nobody, 'it did not fire under pool-held'],
    [firing(125), slowQuery, 'it did not fire under pool-held'],
    [firing(105, 145), slowQuery, 'it fired while all was quiet'],
    [firing(145), nobody, 'it fired, and Alertmanager told nobody'],
  ])('is not when %j', (series, delivered, problem) => {
    expect(judge(series, delivered)?.problem).toBe(problem);
  });

  it('must not fire when its load was left out', () => {
    const labels = { alertname: 'CpuThrottled' };
    const leftOut = { 'resources-limited': 'there are no control groups' };
    const facts = { windows, leftOut, delivered: nobody, inhibited: nobody };
    const silent = judgeAlerts([rule('CpuThrottled')], { ...facts, firing: [] })[0];
    expect(silent?.expected).toEqual({ notProvoked: 'there are no control groups' });
    expect(silent?.problem).toBeUndefined();
    expect(judgeAlerts([rule('CpuThrottled')], { ...facts, leftOut: {}, firing: [] })[0]?.problem).toBe(
      'it did not fire under resources-limited',
    );
    const fired = [{ labels, points: [[125, 1]] }] satisfies readonly Series[];
    expect(judgeAlerts([rule('CpuThrottled')], { ...facts, firing: fired })[0]?.problem).toBe(
      'it fired, and nothing was to make it fire',
    );
  });

  it('has an entry for each rule, and no other', () => {
    const names = alertRules(readRuleFiles().values()).map(({ alert }) => alert);
    expect(Object.keys(expectedAlerts).toSorted()).toEqual(names.toSorted());
  });
});

describe('the report', () => {
  const outcome: TelemetryOutcome = {
    startedAt: '2026-01-01T00:00:00.000Z',
    commit: 'abc',
    versions: { prometheus: '2.42.0' },
    timeCompression: 60,
    scrapeSeconds: 1,
    windows,
    leftOut: {},
    queries: [
      {
        dashboard: 'data-layer',
        panel: 'Connections',
        legend: '{{pool}}',
        expr: 'up',
        moves: 'reads',
        series: 1,
        points: 9,
      },
    ],
    alerts: [
      { alert: 'SlowQuery', severity: 'ticket', expected: 'pool-held', firedAtSeconds: 145, notification: 'delivered' },
    ],
    unusedMetrics: { nodejs_version_info: 'for a look' },
    missingMetrics: [],
    drawn: [
      {
        dashboard: 'data-layer',
        title: 'Connections',
        description: 'Lent and at rest.',
        unit: 'short',
        omitted: 2,
        series: [{ ...line({ 100: 1, 130: 4 }), name: 'postgres <active>' }],
      },
    ],
  };

  it('says that all is well, that we have drawn it, and how many lines are left out', () => {
    const files = renderTelemetry(outcome);
    expect(Object.keys(files)).toEqual(['index.html', 'report.md', 'data-layer-connections.svg']);
    expect(files['report.md']).toMatch(/^# ✔ CONFIRMED/);
    expect(files['report.md']).toContain('drawn by us from Prometheus’ answers, and not by Grafana');
    expect(files['data-layer-connections.svg']).toContain('2 lower lines are left out');
    expect(files['data-layer-connections.svg']).not.toContain('<active>');
    expect(renderTelemetry(outcome)).toEqual(files);
  });

  it('says what this machine did not let us do', () => {
    const leftOut = { 'resources-limited': 'there are no control groups' };
    expect(renderTelemetry({ ...outcome, leftOut })['report.md']).toContain(
      'Left out: resources-limited, because there are no control groups.',
    );
    expect(renderTelemetry(outcome)['report.md']).not.toContain('Left out');
  });

  it('counts apart what left its quiet range, what has only to vary, and what stands', () => {
    const [query] = outcome.queries;
    if (!query) throw new Error('the outcome has no query');
    const varies = { ...query, moves: { varies: 'reads', because: 'it drifts' } } as const;
    const queries = [
      query,
      varies,
      { ...varies, problem: 'it was constant' },
      { ...query, moves: { stands: 'a limit' } },
    ];
    const report = renderTelemetry({ ...outcome, queries })['report.md'];
    expect(report).toContain('1 of 1 queries of the dashboards left their quiet range');
    expect(report).toContain('1 of 2 that drift while all is quiet varied');
    expect(report).toContain('| reads, varies only: it drifts |');
    expect(report).toContain('| stands: a limit |');
  });

  it.each<readonly [string, Partial<TelemetryOutcome>]>([
    ['a query', { queries: outcome.queries.map((query) => ({ ...query, problem: 'it has no data' })) }],
    ['an alert', { alerts: outcome.alerts.map((alert) => ({ ...alert, problem: 'it did not fire' })) }],
    ['a metric', { missingMetrics: ['process_open_fds'] }],
  ])('says what is wrong with %s, and that the claim does not hold', (_what, change) => {
    const wrong = { ...outcome, ...change };
    expect(problemsOf(wrong)).toHaveLength(1);
    expect(renderTelemetry(wrong)['report.md']).toMatch(/^# ✘ REFUTED/);
  });

  it('draws panels that there are', () => {
    const panels = new Set(
      dashboards.flatMap(({ id, rows }) => rows.flatMap((row) => row.panels.map(({ title }) => `${id} ${title}`))),
    );
    expect(drawnPanels.map(([id, title]) => `${id} ${title}`).filter((panel) => !panels.has(panel))).toEqual([]);
  });
});
