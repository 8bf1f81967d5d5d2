import { axisX, dot, gridX, link, text } from '@observablehq/plot';

import { spreadOf } from '../../analysis/spread.ts';
import type { Series } from '../../evidence/trials-schema.ts';
import { formatQuantity, scaleOf } from '../formats.ts';
import { chartWidths } from '../report-document.ts';
import type { Chart, ChartSize, Drawing } from '../report-document.ts';
import { drawPlot } from './plot-drawing.ts';

/** One series in a chart: its single readings, in the unit of the chart, in the order of its trials. */
export interface DotRow {
  readonly label: string;
  readonly role: Series['role'];
  readonly values: readonly number[];
  /** After the label, over the dots: what they come to. */
  readonly words: string;
}

interface SeriesDots {
  readonly name: string;
  readonly title: string;
  /** Before the rows in words. */
  readonly description: string;
  readonly axis: string;
  readonly unit: string;
  readonly rows: readonly DotRow[];
}

/** From one to the other the largest value is so far away that a linear axis would hide the small ones. */
const linearUpTo = 50;
const dotsHeight = 26;
const rowHeights = { wide: 62, narrow: 78 } as const;
const margins = { left: 14, right: 22, top: 6, bottom: 42 } as const;

/** Each reading of each series as a dot, the first trial at the top, with a line at the median. */
export function seriesDotsChart(dots: SeriesDots): Chart {
  const { name, title, description, rows } = dots;
  return {
    name,
    title,
    description:
      `${description} The line is the median. ` + rows.map(({ label, words }) => `${label}: ${words}`).join('; ') + '.',
    draw: (size) => drawDots(dots, size),
  };
}

function drawDots({ axis, unit, rows }: SeriesDots, size: ChartSize): Drawing {
  const { x, ticks, logarithmic } = axisOf(
    rows.flatMap(({ values }) => values),
    unit,
    size,
  );
  const rowHeight = rowHeights[size];
  const inner = rows.length * rowHeight;
  const height = inner + margins.top + margins.bottom;
  return drawPlot({
    width: chartWidths[size],
    height,
    marginLeft: margins.left,
    marginRight: margins.right,
    marginTop: margins.top,
    marginBottom: margins.bottom,
    x: { ...x, label: null },
    // In pixels from the top.
    y: { domain: [0, inner], range: [margins.top, margins.top + inner], axis: null },
    marks: [
      gridX(ticks, { stroke: 'var(--line)', strokeOpacity: 1 }),
      axisX(ticks, {
        tickFormat: (tick: number) => (tick === 0 ? '0' : formatQuantity(tick, unit)),
        label: `${axis}${logarithmic ? ', logarithmic' : ''}`,
        labelAnchor: 'left',
        labelArrow: 'none',
        labelOffset: 36,
      }),
      ...rows.flatMap((row, index) => rowMarks(row, { top: index * rowHeight, size })),
    ],
  });
}

interface Axis {
  readonly x: { readonly type?: 'log' | 'symlog'; readonly constant?: number; readonly domain: [number, number] };
  readonly ticks: readonly number[];
  readonly logarithmic: boolean;
}

/** Linear from 0 where that shows the small values as well; else logarithmic, from 0 where 0 is among them. */
function axisOf(values: readonly number[], unit: string, size: ChartSize): Axis {
  const largest = Math.max(...values);
  const positive = values.filter((value) => value > 0);
  const smallest = Math.min(...positive);
  if (positive.length === 0) return { x: { domain: [0, 1] }, ticks: [0], logarithmic: false };
  if (largest <= smallest * linearUpTo) {
    const end = largest * 1.04;
    const { factor } = scaleOf(unit, end);
    const ticks = roundSteps(end / factor, size === 'wide' ? 8 : 4).map((step) => step * factor);
    return { x: { domain: [0, end] }, ticks, logarithmic: false };
  }
  const base = unit === 'bytes' ? 2 ** 10 : 10;
  const powers = Array.from({ length: 24 }, (_, index) => base ** (index - 9));
  const withZero = positive.length < values.length;
  const domain: [number, number] = [withZero ? 0 : smallest / 1.2, largest * 1.2];
  const ticks = powers.filter((power) => power >= (withZero ? smallest : domain[0]) && power <= domain[1]);
  return withZero
    ? { x: { type: 'symlog', constant: smallest, domain }, ticks: [0, ...ticks], logarithmic: true }
    : { x: { type: 'log', domain }, ticks, logarithmic: true };
}

/** 0 and the multiples of 1, 2 or 5 times a power of ten, no more than `most` above 0. */
function roundSteps(end: number, most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(end / most));
  const step = [1, 2, 5, 10].map((times) => times * power).find((own) => end / own <= most) ?? end;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

function rowMarks({ label, role, values, words }: DotRow, { top, size }: { top: number; size: ChartSize }) {
  const control = role === 'control';
  const colour = control ? 'var(--before)' : 'var(--after)';
  const dotsTop = top + rowHeights[size] - dotsHeight - 6;
  const middle = spreadOf(values)?.median;
  const dots = values.map((value, index) => ({
    value,
    y: dotsTop + ((index + 0.5) / values.length) * dotsHeight,
  }));
  return [
    text([size === 'wide' ? `${label}: ${words}` : `${label}\n${words}`], {
      frameAnchor: 'left',
      y: [top + 8],
      text: (line: string) => line,
      textAnchor: 'start',
      lineAnchor: 'top',
      lineHeight: 1.35,
      fill: colour,
      stroke: 'var(--surface)',
      strokeWidth: 4,
      fontWeight: 600,
    }),
    ...(middle === undefined
      ? []
      : [
          link([0], {
            x1: [middle],
            x2: [middle],
            y1: [dotsTop - 2],
            y2: [dotsTop + dotsHeight + 2],
            stroke: colour,
            strokeWidth: 2,
          }),
        ]),
    dot(dots, {
      x: 'value',
      y: 'y',
      r: values.length > 12 ? 2.6 : 3.6,
      symbol: control ? 'circle' : 'diamond',
      fill: control ? 'var(--surface)' : colour,
      stroke: colour,
      strokeWidth: 1.5,
    }),
  ];
}
