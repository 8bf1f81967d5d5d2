import { axisX, dot, link, rect, ruleX, text } from '@observablehq/plot';

import { logRatio } from '../../analysis/blocks.ts';
import type { Comparison } from '../../analysis/comparison.ts';
import type { Location } from '../../analysis/signed-rank.ts';
import type { Claim, RunRecord } from '../../evidence/schema.ts';
import { formatEstimate } from '../formats.ts';
import { chartWidths } from '../report-document.ts';
import type { Chart, ChartSize, Drawing } from '../report-document.ts';
import { boundInWords } from '../verdict-sentence.ts';
import { drawPlot } from './plot-drawing.ts';
import { ratioTicks } from './ratio-axis.ts';

/** after / before of each block as a dot, the estimate with its interval, and the bound of a claim about the change. */
export function changeChart(run: RunRecord, { metric, values, ratio }: Comparison): Chart | undefined {
  if (ratio === undefined) return undefined;
  const { claim, variants } = run.experiment;
  const ratios = values.flatMap((value) => {
    const logarithm = logRatio(value);
    return logarithm === undefined ? [] : [Math.exp(logarithm)];
  });
  const of = `${metric.label}, ${variants[1].label} / ${variants[0].label}`;
  return {
    name: 'claim',
    title: `${metric.label}, after / before`,
    description:
      `${of}: ${formatEstimate(ratio, '')}. Each dot is one of ${ratios.length} blocks (the mean of its two slots of each ` +
      `variant), the first at the top; the bar is the interval, the line in it the estimate. The axis is logarithmic. The ` +
      `shaded side of the dashed line is what the claim allows: ${boundInWords(run)}.`,
    draw: (size) => drawChange({ claim, words: boundInWords(run), label: of, ratios, ratio }, size),
  };
}

interface ChangeDrawing {
  readonly claim: Claim;
  readonly words: string;
  readonly label: string;
  readonly ratios: readonly number[];
  readonly ratio: Location;
}

/** The row stands at 0, below it is room for its label. */
const [top, bottom] = [0.9, -0.85];

function drawChange({ claim, words, label, ratios, ratio }: ChangeDrawing, size: ChartSize): Drawing {
  const { bound, relation } = claim;
  const reached = [bound, ratio.lower, ratio.upper, ...ratios];
  const [start, end] = [Math.min(...reached) / 1.3, Math.max(...reached) * 1.3];
  const [x1, x2] = relation === 'at-most' ? [start, bound] : [bound, end];
  const isRight = Math.log(bound / start) > 0.6 * Math.log(end / start);
  const row = { y1: [-0.5], y2: [0.6] };
  const width = chartWidths[size];
  const dots = ratios.map((x, index) => ({ x, y: 0.5 - ((index + 0.5) / ratios.length) * 0.9 }));
  return drawPlot({
    width,
    height: 250,
    marginLeft: 14,
    marginRight: 14,
    marginTop: 8,
    marginBottom: 40,
    x: { type: 'log', domain: [start, end], label: null },
    y: { domain: [bottom, top], axis: null },
    marks: [
      axisX(ratioTicks(start, end, width), {
        // A tick format would be asked for some of a logarithmic axis's ticks only.
        text: String,
        label: 'after / before',
        labelAnchor: 'left',
        labelArrow: 'none',
      }),
      rect([0], { x1: [x1], x2: [x2], y1: [bottom], y2: [top], fill: 'var(--region)' }),
      ruleX([bound], { stroke: 'var(--ink)', strokeWidth: 1.5, strokeDasharray: '5 4' }),
      text([`claim: ${words}`], {
        x: [bound],
        y: [top - 0.1],
        dx: isRight ? -7 : 7,
        textAnchor: isRight ? 'end' : 'start',
        fill: 'var(--ink)',
      }),
      rect([0], { x1: [ratio.lower], x2: [ratio.upper], ...row, fill: 'var(--after)', fillOpacity: 0.2 }),
      link([0], { x1: [ratio.estimate], x2: [ratio.estimate], ...row, stroke: 'var(--after)', strokeWidth: 2 }),
      dot(dots, { x: 'x', y: 'y', r: 3.6, symbol: 'diamond', fill: 'var(--after)' }),
      text([`${size === 'wide' ? label : 'after / before'}: ${formatEstimate(ratio, '')}`], {
        frameAnchor: 'bottom',
        dy: -10,
        fill: 'var(--after)',
        fontWeight: 600,
        fontSize: size === 'wide' ? 15 : 12,
      }),
    ],
  });
}
