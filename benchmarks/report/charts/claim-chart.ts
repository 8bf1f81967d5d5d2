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

function drawClaim(
  { run, comparison, rows, largest }: { run: RunRecord; comparison: Comparison; rows: Row[]; largest: number },
  size: ChartSize,
): Drawing {
  const { metric, values } = comparison;
  const { claim } = run.experiment;
  const { factor, suffix } = scaleOf(metric.unit, largest);
  const end = (largest * 1.06) / factor;
  const bound = claim.bound / factor;
  const allowed = claim.relation === 'at-most' ? { x1: 0, x2: bound } : { x1: bound, x2: end };
  const dots = rows.flatMap((row) =>
    values.map((value, index) => ({
      x: meanOfTwo(value[row.id]) / factor,
      y: row.y + 0.1 - (values.length === 1 ? 0 : (index / (values.length - 1)) * 0.46),
    })),
  );
  const own = (id: VariantId) => dots.filter((_, index) => index < values.length === (id === 'before'));
  const nearEnd = bound > end * 0.6;
  const boundLabel = { x: [bound], text: ['claim: ' + boundInWords(run)], y: [1.62], fill: 'var(--muted)' };
  return drawPlot({
    width: chartWidths[size],
    height: 290,
    marginLeft: 10,
    marginRight: 14,
    marginTop: 8,
    marginBottom: 40,
    x: {
      domain: [0, end],
      label: `${metric.label}${suffix === '' ? ` (${metric.unit})` : ` (${suffix.trim()})`}`,
      labelAnchor: 'left',
      labelArrow: 'none',
      ticks: size === 'wide' ? 10 : 5,
      tickFormat: (tick: number) => formatNumber(tick),
    },
    y: { domain: [-0.5, 1.75], axis: null },
    marks: [
      rect([allowed], { x1: 'x1', x2: 'x2', y1: -0.5, y2: 1.75, fill: 'var(--region)' }),
      ruleX([bound], { stroke: 'var(--ink)', strokeWidth: 1.5, strokeDasharray: '5 4' }),
      text([0], { ...boundLabel, dx: nearEnd ? -7 : 7, textAnchor: nearEnd ? 'end' : 'start' }),
      ...rows.flatMap(({ id, label, y, location }) => {
        const colour = `var(--${id})`;
        const [lower, estimate, upper] = [location.lower / factor, location.estimate / factor, location.upper / factor];
        const toTheLeft = estimate > end * 0.55;
        const words = `${label}: ${formatEstimate(location, metric.unit)}`;
        return [
          rect([0], { x1: [lower], x2: [upper], y1: [y - 0.44], y2: [y + 0.18], fill: colour, fillOpacity: 0.2 }),
          link([0], { x1: [estimate], x2: [estimate], y1: [y - 0.44], y2: [y + 0.18], stroke: colour, strokeWidth: 2 }),
          dot(own(id), {
            x: 'x',
            y: 'y',
            r: 4,
            symbol: id === 'before' ? 'circle' : 'diamond',
            fill: id === 'before' ? 'var(--surface)' : colour,
            stroke: colour,
            strokeWidth: 1.8,
          }),
          text([words], {
            x: [toTheLeft ? upper : lower],
            y: [y + 0.32],
            text: [words],
            textAnchor: toTheLeft ? 'end' : 'start',
            fill: colour,
            fontWeight: 600,
            fontSize: size === 'wide' ? 14 : 12,
          }),
        ];
      }),
    ],
  });
}
