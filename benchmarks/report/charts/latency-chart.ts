import { axisX, gridX, gridY, line, text } from '@observablehq/plot';

import type { SlotReadings } from '../../analysis/metric-value.ts';
import { percentile, poolBuckets } from '../../analysis/metric-value.ts';
import { median } from '../../analysis/signed-rank.ts';
import type { RunRecord, VariantId } from '../../evidence/schema.ts';
import { formatQuantity } from '../formats.ts';
import { chartWidths } from '../report-document.ts';
import type { Chart, ChartSize, Drawing } from '../report-document.ts';
import { drawPlot } from './plot-drawing.ts';

interface Point {
  /** -log10(1 - quantile), so that each nine takes the same room. */
  readonly nines: number;
  readonly seconds: number;
}

interface Curve {
  readonly variant: VariantId;
  readonly points: readonly Point[];
}

const ticks = [0, 0.5, 0.9, 0.99, 0.999];

/**
 * The distribution of latency in every measured slot, and the median slot of each variant: over the routes of the claim
 * where it is about latency, over all where it is not.
 */
export function latencyChart(run: RunRecord, readings: ReadonlyMap<string, SlotReadings>): Chart | undefined {
  const measured = run.slots.filter(({ role }) => role === 'measured');
  const claimed = run.experiment.metrics.find(({ id }) => id === run.experiment.claim.metric)?.source;
  const routes = claimed?.kind === 'percentile' ? claimed.routes : [];
  const slots = measured.flatMap(({ id, variant }) => {
    const own = readings.get(id);
    const buckets = own ? poolBuckets(routes, own) : [];
    return buckets.length > 0 ? [{ variant, buckets }] : [];
  });
  if (slots.length === 0) return undefined;
  const fewest = Math.min(...slots.map(({ buckets }) => buckets.reduce((sum, [, requests]) => sum + requests, 0)));
  // Beyond the fifth slowest request a quantile says nothing.
  const last = Math.max(0.3, Math.log10(fewest / 5));
  const nines = Array.from({ length: 41 }, (_, index) => (last * index) / 40);
  const curves = slots.map(({ variant, buckets }): Curve => ({
    variant,
    points: nines.flatMap((at) => {
      const found = percentile(1 - 10 ** -at, buckets);
      return 'value' in found ? [{ nines: at, seconds: found.value }] : [];
    }),
  }));
  const [first, second] = run.experiment.variants;
  return {
    name: 'latency',
    title: 'Latency by percentile',
    description: `A thin line is one slot, a thick one the median of the slots of a variant: ${first.label} and ${second.label}. Both axes are logarithmic; to the right the requests get rarer. Shown up to the fifth slowest request of the shortest slot.`,
    draw: (size) => drawLatency({ curves, last, labels: { before: first.label, after: second.label } }, size),
  };
}

function medianCurve(curves: readonly Curve[], variant: VariantId): Point[] {
  const own = curves.filter((curve) => curve.variant === variant);
  return (own[0]?.points ?? []).map(({ nines }, index) => ({
    nines,
    seconds: median(own.flatMap(({ points }) => points[index]?.seconds ?? [])),
  }));
}

function drawLatency(
  { curves, last, labels }: { curves: readonly Curve[]; last: number; labels: Record<VariantId, string> },
  size: ChartSize,
): Drawing {
  const position = (quantile: number) => -Math.log10(1 - quantile);
  const shown = ticks.filter((quantile) => position(quantile) <= last + 1e-9);
  const variants = (['before', 'after'] as const).filter((variant) =>
    curves.some((curve) => curve.variant === variant),
  );
  const medians = variants.map((variant) => ({ variant, points: medianCurve(curves, variant) }));
  const higher = medians.toSorted((a, b) => middle(b.points) - middle(a.points))[0]?.variant;
  const seconds = curves.flatMap(({ points }) => points.map((point) => point.seconds));
  const [fastest, slowest] = [Math.min(...seconds), Math.max(...seconds)];
  const levels = oneTwoFive(fastest * 0.85, slowest * 1.15);
  return drawPlot({
    width: chartWidths[size],
    height: 300,
    marginLeft: 58,
    marginRight: 18,
    marginTop: 10,
    marginBottom: 40,
    x: { domain: [0, last], label: null },
    y: { type: 'log', axis: null, domain: [fastest * 0.85, slowest * 1.15] },
    marks: [
      gridX(shown.map(position), { stroke: 'var(--line)', strokeOpacity: 1 }),
      gridY(levels, { stroke: 'var(--line)', strokeOpacity: 1 }),
      axisX(shown.map(position), {
        tickFormat: (at: number) => (at === 0 ? 'fastest' : `p${Number((100 * (1 - 10 ** -at)).toFixed(1))}`),
        label: 'share of requests that were at least as fast',
        labelAnchor: 'left',
        labelArrow: 'none',
      }),
      text(levels, {
        frameAnchor: 'left',
        y: (seconds: number) => seconds,
        dx: -8,
        textAnchor: 'end',
        text: (seconds: number) => formatQuantity(seconds, 's'),
      }),
      ...curves.map(({ variant, points }) =>
        line(points, { x: 'nines', y: 'seconds', stroke: `var(--${variant})`, strokeOpacity: 0.28, strokeWidth: 1 }),
      ),
      ...medians.map(({ variant, points }) =>
        line(points, { x: 'nines', y: 'seconds', stroke: `var(--${variant})`, strokeWidth: 2.6 }),
      ),
      ...medians.map(({ variant, points }) => {
        const at = points[size === 'narrow' && variant === higher ? 22 : 12];
        return text(at ? [at] : [], {
          x: 'nines',
          y: 'seconds',
          text: () => labels[variant],
          textAnchor: variant === higher ? 'end' : 'start',
          dy: variant === higher ? -14 : 16,
          fill: `var(--${variant})`,
          stroke: 'var(--surface)',
          strokeWidth: 4,
          fontWeight: 600,
        });
      }),
    ],
  });
}

/** 1, 2, 5, 10, … times powers of ten between the two. */
function oneTwoFive(from: number, to: number): number[] {
  const exponents = Array.from({ length: 14 }, (_, index) => index - 9);
  return exponents
    .flatMap((exponent) => [1, 2, 5].map((step) => Number(`${step}e${exponent}`)))
    .filter((level) => level >= from && level <= to);
}

function middle(points: readonly Point[]): number {
  return points[Math.floor(points.length / 2)]?.seconds ?? 0;
}
