import { axisX, axisY, gridY, line, rect } from '@observablehq/plot';

import { drawPlot, legend } from '../../benchmarks/report/charts/plot-drawing.ts';
import { formatNumber, formatQuantity } from '../../benchmarks/report/formats.ts';
import { type Chart, type ChartSize, chartWidths, type Drawing } from '../../benchmarks/report/report-document.ts';
import type { DrawnPanel, LoadWindow } from './outcome.ts';
import type { TimeRange } from './prometheus-api.ts';

/** Variables of the report's theme, dark and light. */
const colours = ['after', 'before', 'database', 'service', 'confirmed', 'refuted', 'generator'].map(
  (name) => `var(--${name})`,
);
const plotHeight = 190;
/** Room for the loads' names, which a phone has not. */
const marginTops = { wide: 58, narrow: 12 } as const satisfies Readonly<Record<ChartSize, number>>;
const marginLeft = 62;
const marginRight = 12;
const marginBottom = 34;
/** What was not there for longer is not joined by a line. */
const longestGapSeconds = 2;

export interface DrawnRun extends TimeRange {
  readonly windows: readonly LoadWindow[];
}

interface Row {
  readonly seconds: number;
  readonly value: number;
  readonly name: string;
}

/**
 * A panel over the whole run, with the loads above it. Our own drawing: Grafana's own looks different.
 * @param run what was done, and the time that all pictures show
 */
export function panelChart(panel: DrawnPanel, run: DrawnRun): Chart {
  const lines = panel.series.map(({ name }) => name).join(', ');
  const omitted = omissionOf(panel.omitted);
  return {
    name: `${panel.dashboard}-${panel.title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`,
    title: panel.title,
    description: `${panel.description} Drawn: ${lines}.${omitted}`,
    draw: (size) => drawPanel(panel, run, size),
  };
}

function omissionOf(lines: number): string {
  if (lines === 0) return '';
  return lines === 1 ? ' One lower line is left out.' : ` ${lines} lower lines are left out.`;
}

function drawPanel(
  { series, unit }: DrawnPanel,
  { windows, fromSeconds: start, toSeconds: end }: DrawnRun,
  size: ChartSize,
): Drawing {
  const width = chartWidths[size];
  const marginTop = marginTops[size];
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
    // A load within another one is seen, and so is where one ends and the next begins.
    shade: index % 2 === 0 ? 1 : 0.45,
    lane: index % 4,
  }));
  const columns = size === 'wide' ? 2 : 1;
  const legendRows = Math.ceil(series.length / columns);
  const height = plotHeight + marginTop + marginBottom;
  const ticks = unit === 'bytes' ? byteTicks(highest) : tickCount;
  const drawing = drawPlot({
    width,
    height,
    marginLeft,
    marginRight,
    marginTop,
    marginBottom,
    x: { domain: [0, end - start] },
    y: { domain: [0, highest] },
    marks: [
      rect(spans, { x1: 'from', x2: 'to', y1: 0, y2: highest, fill: 'var(--panel)', fillOpacity: 'shade' }),
      gridY({ ticks, stroke: 'var(--line)', strokeOpacity: 1 }),
      line(rows, {
        x: 'seconds',
        y: 'value',
        z: 'name',
        stroke: ({ name }: Row) => colours[series.findIndex((one) => one.name === name) % colours.length],
        strokeWidth: 1.6,
      }),
      axisX({ label: 'seconds of the run', ticks: size === 'wide' ? 10 : 4, color: 'var(--muted)' }),
      axisY({ label: null, ticks, tickFormat: (value: number) => formatValue(value, unit), color: 'var(--muted)' }),
    ],
  });
  const plotWidth = width - marginLeft - marginRight;
  const scale = (seconds: number): number => marginLeft + (seconds / (end - start)) * plotWidth;
  const entries = series.map(({ name }, index) => ({ label: name, colour: colours[index % colours.length] ?? '' }));
  return {
    width,
    height: height + legendRows * 18 + 8,
    markup:
      drawing.markup +
      (size === 'wide' ? loadLabels(spans, scale) : '') +
      legend(entries, { x: marginLeft, y: height + 2, columns, columnWidth: plotWidth / columns }),
  };
}

/** In lanes above the plot, so that loads within one another do not cover each other's names. */
function loadLabels(
  spans: readonly { readonly load: string; readonly from: number; readonly lane: number }[],
  scale: (seconds: number) => number,
): string {
  const placed = spans.map(({ load, from, lane }) => ({ load, x: scale(from), y: 12 + lane * 13 }));
  const rules = placed.map(
    ({ x, y }) =>
      `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${y - 8}" y2="${marginTops.wide}" stroke="var(--line)"/>`,
  );
  // Upon the rules of others, which end behind the letters.
  const halo = 'stroke="var(--surface)" stroke-width="4" stroke-linejoin="round" paint-order="stroke"';
  const names = placed.map(
    ({ load, x, y }) =>
      `<text x="${(x + 3).toFixed(1)}" y="${y}" font-size="10" fill="var(--muted)" text-anchor="start" ${halo}>${load}</text>`,
  );
  return [...rules, ...names].join('');
}

const tickCount = 5;

/** Powers of two, which are round when they are printed. */
function byteTicks(highest: number): readonly number[] {
  const step = 2 ** Math.ceil(Math.log2(highest / tickCount));
  return Array.from({ length: Math.floor(highest / step) + 1 }, (_, index) => index * step);
}

function formatValue(value: number, unit: string): string {
  if (value === 0) return '0';
  if (unit === 's' || unit === 'bytes') return formatQuantity(value, unit);
  if (unit === 'percentunit') return `${formatNumber(value * 100, 2)} %`;
  return unit === 'reqps' || unit === 'ops' ? `${formatNumber(value, 2)}/s` : formatNumber(value, 2);
}
