import { type DashboardDefinition, type PanelDefinition, type PanelQuery } from '../source/panel.ts';
import { fillVariables } from '../promql.ts';
import { drawnPanels, mostLines } from './drawn-panels.ts';
import { asFarAsDone, problemOf } from './judge-queries.ts';
import type { DrawnPanel, LeftOut, LoadWindow, QueryOutcome } from './outcome.ts';
import { queryRange, type Series, type TimeRange } from './prometheus-api.ts';
import { scrapeSeconds } from './monitoring.ts';

/** As Grafana makes it: four scrapes, and the other run is some seconds earlier. */
const proofVariables = { instance: '.+', __rate_interval: `${4 * scrapeSeconds}s`, other: '5s' };

interface Asked {
  readonly queries: readonly QueryOutcome[];
  readonly drawn: readonly DrawnPanel[];
}

/** Every query of every panel, judged; and the answers of those that are drawn. */
export async function askPanels(
  prometheusUrl: string,
  dashboards: readonly DashboardDefinition[],
  {
    range,
    windows,
    leftOut,
  }: { readonly range: TimeRange; readonly windows: readonly LoadWindow[]; readonly leftOut: LeftOut },
): Promise<Asked> {
  const queries: QueryOutcome[] = [];
  const drawn: DrawnPanel[] = [];
  for (const { id, rows } of dashboards) {
    for (const panel of rows.flatMap((row) => row.panels)) {
      const answers: (readonly [PanelQuery, readonly Series[]])[] = [];
      for (const query of panel.queries) {
        const expr = fillVariables(query.expr, proofVariables);
        const series = await queryRange(prometheusUrl, expr, range);
        answers.push([query, series]);
        const moves = asFarAsDone(query.moves, leftOut);
        queries.push(outcomeOf({ dashboard: id, panel: panel.title }, { ...query, moves }, { series, windows }));
      }
      if (drawnPanels.some(([dashboard, title]) => dashboard === id && title === panel.title)) {
        drawn.push(drawnPanel(id, panel, answers));
      }
    }
  }
  return { queries, drawn };
}

function outcomeOf(
  place: Pick<QueryOutcome, 'dashboard' | 'panel'>,
  { legend, expr, moves }: PanelQuery,
  { series, windows }: { readonly series: readonly Series[]; readonly windows: readonly LoadWindow[] },
): QueryOutcome {
  const problem = problemOf(moves, series, windows);
  const points = series.reduce((sum, one) => sum + one.points.length, 0);
  return { ...place, legend, expr, moves, series: series.length, points, ...(problem !== undefined && { problem }) };
}

/** The lines that rise highest; the others are left out, and the picture says how many. */
function drawnPanel(
  dashboard: string,
  { title, description, unit }: PanelDefinition,
  answers: readonly (readonly [PanelQuery, readonly Series[]])[],
): DrawnPanel {
  const named = answers.flatMap(([{ legend }, series]) =>
    series.map((one) => ({
      ...one,
      name: nameOf(legend, one.labels),
      highest: Math.max(...one.points.map(([, value]) => value)),
    })),
  );
  const shown = named.toSorted((a, b) => b.highest - a.highest).slice(0, mostLines);
  return {
    dashboard,
    title,
    description,
    unit,
    omitted: named.length - shown.length,
    series: shown.map(({ name, labels, points }) => ({
      name,
      labels,
      points: points.map(([at, value]) => [at, Number(value.toPrecision(5))]),
    })),
  };
}

function nameOf(legend: string, labels: Series['labels']): string {
  return legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '').trim();
}
