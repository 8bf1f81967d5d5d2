import { dot, link, rect, ruleX, text } from '@observablehq/plot';

import { meanOfTwo } from '../../analysis/blocks.ts';
import type { Comparison } from '../../analysis/comparison.ts';
import type { Location } from '../../analysis/signed-rank.ts';
import type { RunRecord, VariantId } from '../../evidence/schema.ts';
import { formatEstimate, formatNumber, scaleOf } from '../formats.ts';
import { chartWidths } from '../report-document.ts';
import type { Chart, ChartSize, Drawing } from '../report-document.ts';
import { boundInWords } from '../verdict-sentence.ts';
import { drawPlot } from './plot-drawing.ts';

interface Row {
  readonly id: VariantId;
  readonly label: string;
  /** Where the row stands on the vertical axis. */
  readonly y: number;
  readonly location: Location;
}

/** Each block of each variant as a dot, the estimates with their intervals, and the bound of the claim. */
export function claimChart(run: RunRecord, comparison: Comparison): Chart | undefined {
  const { metric, values, before, after } = comparison;
  if (before === undefined || after === undefined) return undefined;
  const [first, second] = run.experiment.variants;
  const rows: Row[] = [
    { id: 'before', label: first.label, y: 1, location: before },
    { id: 'after', label: second.label, y: 0, location: after },
  ];
  const largest = Math.max(run.experiment.claim.bound, ...values.flatMap((v) => [...v.before, ...v.after]));
  return {
    name: 'claim',
    title: `${metric.label}, before and after`,
    description:
      rows.map(({ label, location }) => `${label}: ${formatEstimate(location, metric.unit)}`).join('; ') +
      `. Each dot is one of ${values.length} blocks (the mean of its two slots), the first at the top; the bar is the ` +
      `interval, the line in it the estimate. The shaded side of the dashed line is what the claim allows: ${boundInWords(run)}.`,
    draw: (size) => drawClaim({ run, comparison, rows, largest }, size),
  };
}

interface ClaimDrawing {
  readonly run: RunRecord;
  readonly comparison: Comparison;
  readonly rows: readonly Row[];
  readonly largest: number;
}

const top = 1.95;
const bottom = -0.4;

function drawClaim(claimDrawing: ClaimDrawing, size: ChartSize): Drawing {
  const { run, comparison, rows, largest } = claimDrawing;
  const { metric } = comparison;
  const { claim } = run.experiment;
  const { factor, suffix } = scaleOf(metric.unit, largest);
  const end = (largest * 1.06) / factor;
  const bound = claim.bound / factor;
  const allowed = claim.relation === 'at-most' ? { x1: 0, x2: bound } : { x1: bound, x2: end };
  const nearEnd = bound > end * 0.6;
  return drawPlot({
    width: chartWidths[size],
    height: 330,
    marginLeft: 10,
    marginRight: 14,
    marginTop: 8,
    marginBottom: 40,
    x: {
      domain: [0, end],
      label: `${metric.label}, ${suffix.trim() || metric.unit}`,
      labelAnchor: 'left',
      labelArrow: 'none',
      ticks: size === 'wide' ? 10 : 5,
      tickFormat: (tick: number) => formatNumber(tick),
    },
    y: { domain: [bottom, top], axis: null },
    marks: [
      rect([allowed], { x1: 'x1', x2: 'x2', y1: bottom, y2: top, fill: 'var(--region)' }),
      ruleX([bound], { stroke: 'var(--ink)', strokeWidth: 1.5, strokeDasharray: '5 4' }),
      text([`claim: ${boundInWords(run)}`], {
        x: [bound],
        y: [top - 0.12],
        dx: nearEnd ? -7 : 7,
        textAnchor: nearEnd ? 'end' : 'start',
        fill: 'var(--ink)',
      }),
      ...rows.flatMap((row) => rowMarks(row, { comparison, factor, bound, end, size })),
    ],
  });
}

/** The dots of one variant, its interval and estimate, and its label where it crosses nothing. */
function rowMarks(
  { id, label, y, location }: Row,
  scale: { comparison: Comparison; factor: number; bound: number; end: number; size: ChartSize },
) {
  const { comparison, factor, bound, end, size } = scale;
  const { values, metric } = comparison;
  const colour = `var(--${id})`;
  const [lower, estimate, upper] = [location.lower / factor, location.estimate / factor, location.upper / factor];
  const [from, to] = [y - 0.3, y + 0.42];
  const dots = values.map((value, index) => ({
    x: meanOfTwo(value[id]) / factor,
    y: to - 0.06 - ((index + 0.5) / values.length) * 0.6,
  }));
  const rightmost = Math.max(upper, ...dots.map(({ x }) => x));
  const leftmost = Math.min(lower, ...dots.map(({ x }) => x));
  const toTheLeft = estimate > end * 0.55;
  const beside = toTheLeft ? leftmost : bound > rightmost && bound < end * 0.5 ? bound : rightmost;
  return [
    rect([0], { x1: [lower], x2: [upper], y1: [from], y2: [to], fill: colour, fillOpacity: 0.2 }),
    link([0], { x1: [estimate], x2: [estimate], y1: [from], y2: [to], stroke: colour, strokeWidth: 2 }),
    dot(dots, {
      x: 'x',
      y: 'y',
      r: values.length > 8 ? 3 : 3.6,
      symbol: id === 'before' ? 'circle' : 'diamond',
      fill: id === 'before' ? 'var(--surface)' : colour,
      stroke: colour,
      strokeWidth: 1.8,
    }),
    text([`${label}\n${formatEstimate(location, metric.unit)}`], {
      x: [beside],
      y: [y + 0.06],
      text: (words: string) => words,
      textAnchor: toTheLeft ? 'end' : 'start',
      dx: toTheLeft ? -12 : 12,
      fill: colour,
      fontWeight: 600,
      fontSize: size === 'wide' ? 15 : 12,
      lineHeight: 1.3,
    }),
  ];
}
