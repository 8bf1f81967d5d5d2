import { areaY, axisY, gridY, line, rectY, ruleY, text } from '@observablehq/plot';

import type { PanelTimeline, SeriesTimeline, TimelineLine } from '../../analysis/timeline-analysis.ts';
import { formatNumber, scaleOf } from '../formats.ts';
import { escape } from '../markup.ts';
import { chartWidths } from '../report-document.ts';
import type { ChartSize, Drawing } from '../report-document.ts';
import { drawPlot } from './plot-drawing.ts';

export const panelMargins = { left: 46, right: 12 } as const;
const plotHeight = 88;
const headHeight = 24;
/** In narrow charts the legend has lines of its own. */
const legendLineHeight = 16;
/** Of 12 pixels, on average. */
const characterWidth = 6.4;
const marginBottom = 8;

const answerColours = { served: 'var(--after)', refused: 'var(--before)', failed: 'var(--invalid)' } as const;
const lineColours = ['var(--after)', 'var(--before)', 'var(--database)', 'var(--service)'];
/** From the usual state to the one that is furthest from it. */
const stateColours = ['var(--line)', 'var(--inconclusive)', 'var(--refuted)', 'var(--ink)'];

interface Placed {
  readonly timeline: SeriesTimeline;
  readonly own: PanelTimeline;
  readonly size: ChartSize;
}

/** One panel, without a time axis; its head says what is drawn, in the colours of its values. */
export function drawTimelinePanel(timeline: SeriesTimeline, own: PanelTimeline, size: ChartSize): Drawing {
  const placed = { timeline, own, size };
  const drawing = own.panel.form === 'states' ? drawStates(placed) : drawValues(placed);
  return { ...drawing, markup: headOf(own, size) + drawing.markup };
}

const colourOf = ({ value }: TimelineLine, index: number): string =>
  value.answers ? answerColours[value.answers] : (lineColours[index % lineColours.length] ?? 'var(--ink)');

/** Of one panel with its head. */
export function panelHeight(own: PanelTimeline, size: ChartSize): number {
  return plotHeight + headHeightOf(own, size);
}

function headHeightOf(own: PanelTimeline, size: ChartSize): number {
  return headHeight + legendLineHeight * (size === 'wide' ? 0 : legendLines(own).length);
}

function headOf(own: PanelTimeline, size: ChartSize): string {
  const { panel, lines } = own;
  const { left } = panelMargins;
  const textAt = (y: number, spans: string): string => `<text x="${left}" y="${y}" text-anchor="start">${spans}</text>`;
  const head = `<tspan font-weight="600">${escape(headline(panel, lines))}</tspan>`;
  const spans = ({ label, colour }: LegendEntry, isFirst: boolean): string =>
    `<tspan fill="${colour}"${isFirst ? '' : ' dx="10"'}>■</tspan><tspan> ${escape(label)}</tspan>`;
  if (size === 'wide') {
    const legend = legendLines(own).flat();
    return textAt(15, head + legend.map((entry) => spans(entry, false)).join(''));
  }
  const below = legendLines(own).map((entries, line) =>
    textAt(15 + legendLineHeight * (line + 1), entries.map((entry, index) => spans(entry, index === 0)).join('')),
  );
  return textAt(15, head) + below.join('');
}

interface LegendEntry {
  readonly label: string;
  readonly colour: string;
}

/** What the colours mean, in lines that a narrow chart has room for; none for one colour. */
function legendLines({ panel, lines }: PanelTimeline): LegendEntry[][] {
  const entries =
    panel.form === 'states'
      ? (panel.states ?? []).map((label, index) => ({ label, colour: stateColours[index] ?? 'var(--ink)' }))
      : lines.map((own, index) => ({ label: own.value.label, colour: colourOf(own, index) }));
  if (entries.length === 1) return [];
  const room = chartWidths.narrow - panelMargins.left;
  const broken: LegendEntry[][] = [];
  let left = 0;
  for (const entry of entries) {
    const width = (entry.label.length + 4) * characterWidth;
    if (width > left) {
      broken.push([]);
      left = room;
    }
    broken.at(-1)?.push(entry);
    left -= width;
  }
  return broken;
}

/** `Answers, 1/s`: the unit at the size of the largest reading. */
function headline({ label, unit }: PanelTimeline['panel'], lines: readonly TimelineLine[]): string {
  const { suffix } = scaleOf(unit, largestOf(lines));
  const shown = unit === '1/s' ? 'per second' : suffix.trim();
  return shown === '' ? label : `${label}, ${shown}`;
}

function largestOf(lines: readonly TimelineLine[]): number {
  return Math.max(0, ...lines.flatMap(({ intervals }) => intervals.map((reading) => reading?.largest ?? 0)));
}

function frame({ timeline, own, size }: Placed) {
  return {
    width: chartWidths[size],
    height: panelHeight(own, size),
    marginLeft: panelMargins.left,
    marginRight: panelMargins.right,
    marginTop: headHeightOf(own, size),
    marginBottom,
    x: { domain: [0, timeline.seconds], axis: null },
  };
}

interface Reading {
  readonly from: number;
  readonly to: number;
  readonly middle: number;
  readonly low: number;
  readonly high: number;
  /** Median; of a stack the upper edge. */
  readonly at: number;
}

function drawValues(placed: Placed): Drawing {
  const { timeline, own } = placed;
  const { panel, lines, limits } = own;
  const stacked = panel.form === 'stacked';
  const { factor } = scaleOf(panel.unit, largestOf(lines));
  const drawn = stacked ? stack(timeline, lines, factor) : lines.map((line) => readings(timeline, line, factor));
  const edges = drawn.flat().map(({ at, high }) => (stacked ? at : high));
  // NaN is what was not read.
  const top = Math.max(0, ...edges.filter((edge) => edge > 0), ...limits.map(({ at }) => at / factor));
  const y = { domain: [0, top === 0 ? 1 : top * 1.12], axis: null };
  return drawPlot({
    ...frame(placed),
    y,
    marks: [
      gridY({ ticks: 3, stroke: 'var(--line)', strokeOpacity: 1 }),
      axisY({
        ticks: 3,
        tickFormat: (tick: number) =>
          Number.isInteger(tick) ? formatNumber(tick) : String(Number(tick.toPrecision(6))),
        label: null,
        tickSize: 0,
      }),
      ...drawn.flatMap((own, index) => {
        const lineOf = lines[index];
        const colour = lineOf ? colourOf(lineOf, index) : 'var(--ink)';
        return stacked ? [stackMark(own, colour)] : lineMarks(own, colour);
      }),
      ruleY([0], { stroke: 'var(--muted)' }),
      ...limits.flatMap(({ label, at }) => limitMarks(label, at / factor)),
    ],
  });
}

/** An interval that no trial has read breaks the line: NaN, which Plot leaves out. */
function readings({ intervalSeconds }: SeriesTimeline, { intervals }: TimelineLine, factor: number): Reading[] {
  return intervals.map((reading, index) => ({
    from: index * intervalSeconds,
    to: (index + 1) * intervalSeconds,
    middle: (index + 0.5) * intervalSeconds,
    low: (reading?.smallest ?? Number.NaN) / factor,
    high: (reading?.largest ?? Number.NaN) / factor,
    at: (reading?.median ?? Number.NaN) / factor,
  }));
}

/** Means, because they add up. */
function stack({ intervalSeconds }: SeriesTimeline, lines: readonly TimelineLine[], factor: number): Reading[][] {
  const edges: number[] = [];
  return lines.map(({ intervals }) =>
    intervals.map((reading, index) => {
      const low = edges[index] ?? 0;
      const high = low + (reading?.mean ?? 0) / factor;
      edges[index] = high;
      const from = index * intervalSeconds;
      return { from, to: from + intervalSeconds, middle: from + intervalSeconds / 2, low, high, at: high };
    }),
  );
}

/** Bars that touch, as one outline: a page with several timelines stays small. */
function stackMark(own: readonly Reading[], colour: string) {
  const edges = own.flatMap(({ from, to, low, high }) => [from, to].map((at) => ({ at, low, high })));
  return areaY(edges, { x: 'at', y1: 'low', y2: 'high', fill: colour, shapeRendering: 'crispEdges' });
}

function lineMarks(own: readonly Reading[], colour: string) {
  return [
    areaY(own, { x: 'middle', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.22 }),
    line(own, { x: 'middle', y: 'at', stroke: colour, strokeWidth: 1.8 }),
  ];
}

function limitMarks(label: string, at: number) {
  return [
    ruleY([at], { stroke: 'var(--ink)', strokeDasharray: '5 4', strokeWidth: 1.2 }),
    text([at], {
      frameAnchor: 'right',
      y: (level: number) => level,
      text: () => label,
      textAnchor: 'end',
      lineAnchor: 'bottom',
      dx: -4,
      dy: -3,
      fill: 'var(--ink)',
      stroke: 'var(--surface)',
      strokeWidth: 3,
      fontSize: 11,
    }),
  ];
}

/** A row for each trial; equal states beside each other are one bar. */
function drawStates(placed: Placed): Drawing {
  const { timeline, own } = placed;
  const rows = own.lines.flatMap(({ trials }) => trials);
  const bars = rows.flatMap((states, row) => runsOf(states).map((run) => ({ ...run, row })));
  const { intervalSeconds } = timeline;
  return drawPlot({
    ...frame(placed),
    y: { domain: [rows.length, 0], axis: null },
    marks: [
      rectY(bars, {
        x1: ({ from }: StateRun) => from * intervalSeconds,
        x2: ({ to }: StateRun) => to * intervalSeconds,
        y1: ({ row }: { row: number }) => row + 0.1,
        y2: ({ row }: { row: number }) => row + 0.9,
        fill: ({ state }: StateRun) => stateColours[state] ?? 'var(--ink)',
      }),
    ],
  });
}

interface StateRun {
  readonly state: number;
  /** Intervals, the end not included. */
  readonly from: number;
  readonly to: number;
}

function runsOf(states: readonly (number | null)[]): StateRun[] {
  const starts = states.flatMap((state, index) => (index === 0 || state !== states[index - 1] ? [index] : []));
  return starts.flatMap((from, index) => {
    const state = states[from];
    return state === null || state === undefined ? [] : [{ state, from, to: starts[index + 1] ?? states.length }];
  });
}
