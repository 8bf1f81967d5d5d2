import { dot, gridY, line, ruleY, text } from '@observablehq/plot';

import type { ServedLoad } from '../../analysis/served-load.ts';
import type { MetricDefinition, RunRecord, VariantId } from '../../evidence/schema.ts';
import { formatNumber, formatQuantity, scaleOf } from '../formats.ts';
import { chartWidths } from '../report-document.ts';
import type { Chart, ChartSize, Drawing } from '../report-document.ts';
import { drawPlot } from './plot-drawing.ts';

export interface SweepPoint extends ServedLoad {
  readonly variant: VariantId;
  readonly offeredPerSecond: number;
  /** The claim's metric. */
  readonly value: number;
}

/** The claim's metric over the offered rate: that the headline's rate is no lucky point. */
export function rateSweepChart(run: RunRecord, metric: MetricDefinition, points: readonly SweepPoint[]): Chart {
  const { claim, variants } = run.experiment;
  const [first, second] = variants;
  const described = claim.variant === 'before' ? first : second;
  const inWords = points
    .filter(({ variant }) => variant === described.id)
    .map(
      ({ offeredPerSecond, achievedPerSecond, value }) =>
        `${formatNumber(offeredPerSecond)}/s (${achievedPerSecond === undefined ? 'not recorded' : formatNumber(achievedPerSecond)}) ${formatQuantity(value, metric.unit)}`,
    );
  const lost = points.filter(({ served }) => !served).length;
  const unserved =
    lost === 0
      ? 'Every rate was served.'
      : `A cross is a rate that was not served (${lost} of ${points.length}): less than 99 % of it was achieved, or requests failed.`;
  return {
    name: 'rate-sweep',
    title: `${metric.label} by offered rate`,
    description: `One slot a point, by the rate offered. ${described.label}, with the rate achieved in brackets: ${inWords.join(', ')}. ${unserved}${claim.variant === 'change' ? '' : ' The dashed line is the bound of the claim.'}`,
    draw: (size) => drawSweep({ run, metric, points }, size),
  };
}

function drawSweep(
  { run, metric, points }: { run: RunRecord; metric: MetricDefinition; points: readonly SweepPoint[] },
  size: ChartSize,
): Drawing {
  const { variants, claim } = run.experiment;
  const { factor, suffix } = scaleOf(metric.unit, Math.max(...points.map(({ value }) => value)));
  const bounds = claim.variant === 'change' ? [] : [claim.bound / factor];
  const ascending = points
    .map((point) => ({ ...point, scaled: point.value / factor }))
    .sort((a, b) => a.offeredPerSecond - b.offeredPerSecond);
  return drawPlot({
    width: chartWidths[size],
    height: 280,
    marginLeft: 44,
    marginRight: 16,
    marginTop: 28,
    marginBottom: 42,
    x: {
      domain: [0, Math.max(...points.map((point) => point.offeredPerSecond)) * 1.05],
      label: 'offered reads per second',
      labelAnchor: 'left',
      labelArrow: 'none',
      ticks: 6,
    },
    y: {
      domain: [0, Math.max(...bounds, ...ascending.map(({ scaled }) => scaled)) * 1.1],
      label: `${metric.label}, ${suffix.trim() || metric.unit}`,
      labelArrow: 'none',
      ticks: 5,
    },
    marks: [
      gridY({ ticks: 5, stroke: 'var(--line)', strokeOpacity: 1 }),
      ruleY(bounds, { stroke: 'var(--ink)', strokeDasharray: '5 4', strokeWidth: 1.5 }),
      ...variants.flatMap(({ id, label }) => {
        const own = ascending.filter(({ variant }) => variant === id);
        const colour = `var(--${id})`;
        return [
          line(own, { x: 'offeredPerSecond', y: 'scaled', stroke: colour, strokeWidth: 2 }),
          dot(
            own.filter(({ served }) => served),
            {
              x: 'offeredPerSecond',
              y: 'scaled',
              r: 4,
              symbol: id === 'before' ? 'circle' : 'diamond',
              fill: id === 'before' ? 'var(--surface)' : colour,
              stroke: colour,
              strokeWidth: 1.8,
            },
          ),
          dot(
            own.filter(({ served }) => !served),
            { x: 'offeredPerSecond', y: 'scaled', r: 6, symbol: 'times', stroke: colour, strokeWidth: 3 },
          ),
          text(own.slice(-1), {
            x: 'offeredPerSecond',
            y: 'scaled',
            text: () => label,
            textAnchor: 'end',
            dy: -14,
            fill: colour,
            stroke: 'var(--surface)',
            strokeWidth: 4,
            fontWeight: 600,
          }),
        ];
      }),
    ],
  });
}
