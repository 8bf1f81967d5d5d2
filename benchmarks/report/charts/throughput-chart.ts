import { barX, text } from '@observablehq/plot';

import type { Comparison } from '../../analysis/comparison.ts';
import type { RunRecord, VariantId } from '../../evidence/schema.ts';
import { formatEstimate } from '../formats.ts';
import { chartWidths } from '../report-document.ts';
import type { Chart, ChartSize, Drawing } from '../report-document.ts';
import { drawPlot } from './plot-drawing.ts';

interface Bar {
  readonly row: number;
  readonly variant: VariantId;
  readonly label: string;
  readonly value: number;
  readonly words: string;
}

/** Metrics of one unit side by side, each before and after: with a cache the requests hold and the statements fall. */
export function throughputChart(run: RunRecord, comparisons: readonly Comparison[]): Chart | undefined {
  const bars = comparisons.flatMap(({ metric, before, after }, group) => {
    if (before === undefined || after === undefined) return [];
    return run.experiment.variants.map(({ id, label }, index): Bar => {
      const location = id === 'before' ? before : after;
      return {
        row: group * 3 + index,
        variant: id,
        label: `${metric.label}, ${label}`,
        value: location.estimate,
        words: formatEstimate(location, metric.unit),
      };
    });
  });
  if (bars.length === 0) return undefined;
  return {
    name: 'throughput',
    title: 'Requests and statements per second',
    description: bars.map(({ label, words }) => `${label} ${words}`).join('; ') + '.',
    draw: (size) => drawThroughput(bars, size),
  };
}

function drawThroughput(bars: readonly Bar[], size: ChartSize): Drawing {
  const rows = Math.max(...bars.map(({ row }) => row)) + 1;
  return drawPlot({
    width: chartWidths[size],
    height: 30 + rows * 36,
    marginLeft: 10,
    marginRight: 14,
    marginTop: 10,
    marginBottom: 6,
    x: { domain: [0, Math.max(...bars.map(({ value }) => value))], axis: null },
    y: { domain: Array.from({ length: rows }, (_, row) => row), axis: null, paddingInner: 0.6, paddingOuter: 0.5 },
    marks: [
      barX(bars, { x: 'value', y: 'row', fill: ({ variant }: Bar) => `var(--${variant})` }),
      text(bars, {
        frameAnchor: 'left',
        y: 'row',
        dy: -15,
        textAnchor: 'start',
        text: ({ label, words }: Bar) => `${label}: ${words}`,
        fill: 'var(--ink)',
      }),
    ],
  });
}
