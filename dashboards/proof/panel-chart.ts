import { axisX, axisY, gridY, line, rect } from '@observablehq/plot';

import { drawPlot, legend } from '../../benchmarks/report/charts/plot-drawing.ts';
import { formatNumber, formatQuantity } from '../../benchmarks/report/formats.ts';
import { type Chart, type ChartSize, chartWidths, type Drawing } from '../../benchmarks/report/report-document.ts';
import type { DrawnPanel, LoadWindow } from './outcome.ts';

/** Variables of the report's theme, dark and light. */
const colours = ['after', 'before', 'database', 'service', 'confirmed', 'refuted', 'generator'].map(
  (name) => `var(--${name})`,
);
const plotHeight = 190;
const marginTop = 58;
/** What was not there for longer is not joined by a line. */
const longestGapSeconds = 2;

interface Row {
  readonly seconds: number;
  readonly value: number;
  readonly name: string;
}

/** A panel over the whole run, with the loads above it. Our own drawing: Grafana's own looks different. */
export function panelChart(panel: DrawnPanel, windows: readonly LoadWindow[]): Chart {
  const lines = panel.series.map(({ name }) => name).join(', ');
  const omitted = panel.omitted > 0 ? ` ${panel.omitted} lower lines are left out.` : '';
  return {
    name: `${panel.dashboard}-${panel.title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`,
    title: panel.title,
    description: `${panel.description} Drawn: ${lines}.${omitted}`,
    draw: (size) => drawPanel(panel, windows, size),
  };
}

function drawPanel({ series, unit }: DrawnPanel, windows: readonly LoadWindow[], size: ChartSize): Drawing {
  const width = chartWidths[size];
  const start = Math.min(...windows.map(({ fromSeconds }) => fromSeconds));
  const lastPoints = series.map(({ points }) => points.at(-1)?.[0] ?? start);
  const end = Math.max(...windows.map(({ toSeconds }) => toSeconds), ...lastPoints);
  const rows: Row[] = series.flatMap(({ name, points }) =>
    points.flatMap(([at, value], index) => {
      const row = { seconds: at - start, value, name };
      const before = points[index - 1]?.[0] ?? at;
      return at - before > longestGapSeconds ? [{ ...row, value: Number.NaN }, row] : [row];
    }),
  );
  const values = rows.map(({ value }) => value).filter((value) => !Number.isNaN(value));
  const highest = Math.max(...values, Number.MIN_VALUE) * 1.05;
  const inOrder = windows.toSorted((a, b) => a.fromSeconds - b.fromSeconds);
  const spans = inOrder.map((window, index) => ({
    ...window,
    from: window.fromSeconds - start,
    to: window.toSeconds - start,
    lane: index % 4,
  }));
  const columns = size === 'wide' ? 2 : 1;
  const legendRows = Math.ceil(series.length / columns);
  const height = plotHeight + marginTop + 34;
  const drawing = drawPlot({
    width,
    height,
    marginLeft: 62,
    marginRight: 12,
    marginTop,
    marginBottom: 34,
    x: { domain: [0, end - start] },
    y: { domain: [0, highest] },
    marks: [
      rect(spans, { x1: 'from', x2: 'to', y1: 0, y2: highest, fill: 'var(--panel)' }),
      gridY({ stroke: 'var(--line)', strokeOpacity: 1 }),
      line(rows, {
        x: 'seconds',
        y: 'value',
        z: 'name',
        stroke: ({ name }: Row) => colours[series.findIndex((one) => one.name === name) % colours.length],
        strokeWidth: 1.6,
      }),
      axisX({ label: 'seconds of the run', ticks: size === 'wide' ? 10 : 4, color: 'var(--muted)' }),
      axisY({ label: null, ticks: 5, tickFormat: (value: number) => formatValue(value, unit), color: 'var(--muted)' }),
    ],
  });
  const scale = (seconds: number): number => 62 + (seconds / (end - start)) * (width - 74);
  const entries = series.map(({ name }, index) => ({ label: name, colour: colours[index % colours.length] ?? '' }));
  return {
    width,
    height: height + legendRows * 18 + 8,
    markup:
      drawing.markup +
      (size === 'wide' ? loadLabels(spans, scale) : '') +
      legend(entries, { x: 62, y: height + 2, columns, columnWidth: (width - 74) / columns }),
  };
}

/** In lanes above the plot, so that loads within one another do not cover each other's names. */
function loadLabels(
  spans: readonly { readonly load: string; readonly from: number; readonly lane: number }[],
  scale: (seconds: number) => number,
): string {
  return spans
    .map(({ load, from, lane }) => {
      const x = scale(from).toFixed(1);
      const y = 12 + lane * 13;
      return (
        `<line x1="${x}" x2="${x}" y1="${y - 8}" y2="${marginTop}" stroke="var(--line)"/>` +
        `<text x="${Number(x) + 3}" y="${y}" font-size="10" fill="var(--muted)" text-anchor="start">${load}</text>`
      );
    })
    .join('');
}

function formatValue(value: number, unit: string): string {
  if (unit === 's' || unit === 'bytes') return formatQuantity(value, unit);
  return unit === 'percentunit' ? `${formatNumber(value * 100, 2)} %` : formatNumber(value, 2);
}
