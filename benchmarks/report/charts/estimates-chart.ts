import { axisX, dot, gridX, link, rect, ruleX, text } from '@observablehq/plot';

import { findingOf } from '../../analysis/comparison.ts';
import type { Comparison, Finding } from '../../analysis/comparison.ts';
import type { Location } from '../../analysis/signed-rank.ts';
import type { RunRecord } from '../../evidence/schema.ts';
import { findings } from '../findings.ts';
import { formatChange, formatShare, labelOfRow } from '../formats.ts';
import { chartWidths } from '../report-document.ts';
import type { Chart, ChartSize, Drawing } from '../report-document.ts';
import { drawPlot } from './plot-drawing.ts';
import { ratioTicks } from './ratio-axis.ts';

interface Row {
  readonly label: string;
  readonly ratio: Location;
  readonly kind: 'claim' | 'control' | 'tested' | 'shown';
  readonly finding: Finding;
  readonly change: string;
  /** What was found, in words. */
  readonly found: string;
  /** As a ratio above 1: what lies within its distance of 1 does not matter. */
  readonly floor: number | undefined;
}

/** after / before of every metric that has a ratio, with its interval, its floor, and the control of the claim's. */
export function estimatesChart(run: RunRecord, comparisons: readonly Comparison[]): Chart | undefined {
  const rows = [...comparisons]
    .sort((a, b) => roles.indexOf(a.metric.role) - roles.indexOf(b.metric.role))
    .flatMap((comparison) => [...rowOf(comparison), ...controlRow(comparison)]);
  if (rows.length === 0) return undefined;
  const [before, after] = run.experiment.variants;
  const floors = [...new Set(comparisons.flatMap(({ metric }) => metric.floor ?? []))].map(formatShare).join(' or ');
  return {
    name: 'estimates',
    title: 'Every metric, after / before',
    description:
      `${after.label} over ${before.label}, on a logarithmic axis: left of 1 is less, right of it more. The bar is the ` +
      `interval, the mark in it the estimate. Shaded is the floor (${floors}): a change within it does not matter. A filled ` +
      `diamond is a change that is significant and beyond the floor, a hollow one is not; a grey bar is shown and not ` +
      `tested. The hollow circle is the control: a variant against itself, which must not move beyond half the floor. What ` +
      `was the same in every block is left out.`,
    draw: (size) => drawEstimates(rows, size),
  };
}

const roles = ['primary', 'secondary', 'shown'];

function rowOf(comparison: Comparison): Row[] {
  const { metric, ratio } = comparison;
  if (ratio === undefined || (metric.role === 'shown' && ratio.lower === 1 && ratio.upper === 1)) return [];
  const finding = findingOf(comparison);
  return [
    {
      label: metric.unit === '1/s' ? `${metric.label} per second` : labelOfRow(metric),
      ratio,
      kind: metric.role === 'primary' ? 'claim' : metric.role === 'secondary' ? 'tested' : 'shown',
      finding,
      change: formatChange(ratio),
      found: findings[finding],
      floor: metric.role === 'shown' || metric.floor === undefined ? undefined : 1 + metric.floor,
    },
  ];
}

function controlRow({ metric, control }: Comparison): Row[] {
  if (metric.role !== 'primary' || control === undefined || metric.floor === undefined) return [];
  const { ratio, broken } = control;
  return [
    {
      label: 'Control: it against itself',
      ratio,
      kind: 'control',
      finding: 'not-tested',
      change: formatChange(ratio),
      found: broken ? 'BROKEN' : 'clean',
      floor: 1 + metric.floor / 2,
    },
  ];
}

/** In pixels. On a phone label and change stand over the bar; what was found is in the table. */
const layouts = {
  wide: { rowHeight: 25, marginLeft: 232, marginRight: 232, marginTop: 22 },
  narrow: { rowHeight: 38, marginLeft: 12, marginRight: 12, marginTop: 22 },
} as const;
const marginBottom = 40;

function drawEstimates(rows: readonly Row[], size: ChartSize): Drawing {
  const { rowHeight, ...margins } = layouts[size];
  const width = chartWidths[size];
  const reached = rows.flatMap(({ ratio, floor = 1 }) => [ratio.lower, ratio.upper, floor, 1 / floor]);
  const [start, end] = [Math.min(...reached) / 1.15, Math.max(...reached) * 1.15];
  const ticks = ticksFromOne(start, end, width - margins.marginLeft - margins.marginRight);
  const inner = rows.length * rowHeight;
  return drawPlot({
    width,
    height: inner + margins.marginTop + marginBottom,
    ...margins,
    marginBottom,
    x: { type: 'log', domain: [start, end], label: null },
    // In pixels from the top.
    y: { domain: [0, inner], range: [margins.marginTop, margins.marginTop + inner], axis: null },
    marks: [
      gridX(ticks, { stroke: 'var(--line)', strokeOpacity: 1 }),
      axisX(ticks, { text: ratioInWords, label: 'after / before', labelAnchor: 'left', labelArrow: 'none' }),
      ruleX([1], { stroke: 'var(--ink)', strokeWidth: 0.8 }),
      ...rows.flatMap((row, index) => rowMarks(row, { top: index * rowHeight, size })),
    ],
  });
}

/** To the left of 1 the inverses of those to its right: `÷ 20` and `× 20`. */
function ticksFromOne(start: number, end: number, width: number): number[] {
  const furthest = Math.max(end, 1 / start);
  const outwards = ratioTicks(1, furthest, (width * Math.log(furthest)) / Math.log(end / start));
  return outwards
    .flatMap((ratio) => (ratio === 1 ? [1] : [1 / ratio, ratio]))
    .filter((ratio) => ratio >= start && ratio <= end);
}

/** `÷ 20`, `1`, `× 1.5`. */
function ratioInWords(ratio: number): string {
  if (ratio === 1) return '1';
  return ratio < 1 ? `÷ ${Number((1 / ratio).toPrecision(2))}` : `× ${ratio}`;
}

function rowMarks(row: Row, { top, size }: { top: number; size: ChartSize }) {
  const { kind, ratio, floor, finding } = row;
  const height = layouts[size].rowHeight;
  const y = top + height - 12;
  const colour = colourOf(row);
  const filled = finding === 'better' || finding === 'worse' || finding === 'different';
  return [
    ...(floor === undefined
      ? []
      : [
          rect([0], {
            x1: [1 / floor],
            x2: [floor],
            y1: [top],
            y2: [top + height],
            fill: 'var(--line)',
            fillOpacity: 0.7,
          }),
        ]),
    link([0], {
      x1: [ratio.lower],
      x2: [ratio.upper],
      y1: [y],
      y2: [y],
      stroke: colour,
      strokeWidth: kind === 'claim' ? 4 : 2.5,
    }),
    dot([0], {
      x: [ratio.estimate],
      y: [y],
      r: kind === 'shown' ? 3 : kind === 'claim' ? 5.5 : 4.5,
      symbol: kind === 'control' ? 'circle' : 'diamond',
      fill: filled ? colour : 'var(--surface)',
      stroke: colour,
      strokeWidth: 1.8,
    }),
    ...labels(row, { y, size }),
  ];
}

function labels({ label, change, found, kind }: Row, { y, size }: { y: number; size: ChartSize }) {
  const style = { fill: 'var(--ink)', fontWeight: kind === 'claim' ? 700 : 400, fontSize: size === 'wide' ? 12 : 11 };
  const at = (line: string, side: 'left' | 'right', rest: object) =>
    text([line], { frameAnchor: side, y: [y], text: (own: string) => own, ...style, ...rest });
  return size === 'wide'
    ? [
        at(label, 'left', { dx: -12, textAnchor: 'end', lineWidth: 17.5, lineHeight: 1 }),
        at(found === '' ? change : `${change}, ${found}`, 'right', { dx: 12, textAnchor: 'start' }),
      ]
    : [
        at(label, 'left', { dy: -17, textAnchor: 'start', lineWidth: 17, textOverflow: 'ellipsis-end' }),
        at(change, 'right', { dy: -17, textAnchor: 'end' }),
      ];
}

function colourOf({ kind, finding }: Row): string {
  if (kind === 'shown' || kind === 'control') return 'var(--muted)';
  if (finding === 'better') return 'var(--confirmed)';
  return finding === 'worse' ? 'var(--refuted)' : 'var(--ink)';
}
