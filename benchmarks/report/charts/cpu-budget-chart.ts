import { barX, text } from '@observablehq/plot';

import type { CpuBudget, CpuPart } from '../../analysis/cpu-budget.ts';
import type { RunRecord } from '../../evidence/schema.ts';
import { chartWidths } from '../report-document.ts';
import type { Chart, ChartSize, Drawing } from '../report-document.ts';
import { drawPlot, legend } from './plot-drawing.ts';

export const partLabels: Readonly<Record<CpuPart, string>> = {
  database: 'database',
  service: 'service',
  worker: 'workers',
  redis_cache: 'Redis (cache)',
  redis_queue: 'Redis (queue)',
  generator: 'generator (k6)',
  lab: 'lab',
  other: 'other processes',
  steal: 'stolen',
  idle: 'idle',
};

interface Segment {
  readonly part: CpuPart;
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

/** Where the machine's CPU went, in cores, as one stacked bar a variant. */
export function cpuBudgetChart(run: RunRecord, budgets: readonly CpuBudget[]): Chart | undefined {
  if (budgets.some(({ slots, parts }) => slots === 0 || parts.some(({ mean }) => mean === undefined))) {
    return undefined;
  }
  const bars = budgets.map((budget, index) => {
    let end = 0;
    const segments = budget.parts.map(({ part, mean }): Segment => {
      const from = end;
      end += (mean?.cpuSeconds ?? 0) / budget.windowSeconds;
      return { part, label: partLabels[part], from, to: end };
    });
    return { label: run.experiment.variants[index]?.label ?? budget.variant, segments };
  });
  return {
    name: 'cpu-budget',
    title: 'Where the CPU went',
    description: `In cores of ${run.fingerprint.cores}, mean of the measured slots of each variant; the figures are in the table.`,
    draw: (size) => drawBudget({ bars, cores: run.fingerprint.cores }, size),
  };
}

function drawBudget(
  { bars, cores }: { bars: readonly { label: string; segments: readonly Segment[] }[]; cores: number },
  size: ChartSize,
): Drawing {
  const columns = size === 'wide' ? 5 : 2;
  const parts = [...new Map(bars.flatMap(({ segments }) => segments.map(({ part, label }) => [part, label])))];
  const rows = Math.ceil(parts.length / columns);
  const height = 178 + rows * 18;
  const end = Math.max(cores, ...bars.map(({ segments }) => segments.at(-1)?.to ?? 0));
  const legible = size === 'wide' ? 0.05 : 0.12;
  const drawing = drawPlot({
    width: chartWidths[size],
    height,
    marginLeft: 10,
    marginRight: 14,
    marginTop: 4,
    marginBottom: 44 + rows * 18,
    x: {
      domain: [0, end],
      label: `cores, of ${cores}`,
      labelAnchor: 'left',
      labelArrow: 'none',
      labelOffset: 34,
      ticks: size === 'wide' ? 10 : 5,
    },
    y: { domain: bars.map((_, index) => index), axis: null, paddingInner: 0.55, paddingOuter: 0.4 },
    marks: bars.flatMap(({ label, segments }, index) => [
      barX(segments, {
        x1: 'from',
        x2: 'to',
        y: () => index,
        fill: ({ part }: Segment) => colourOf(part),
        stroke: 'var(--surface)',
        strokeWidth: 1,
      }),
      text([label], {
        frameAnchor: 'left',
        y: () => index,
        dy: -26,
        text: () => label,
        textAnchor: 'start',
        fill: index === 0 ? 'var(--before)' : 'var(--after)',
        fontWeight: 600,
      }),
      text(
        segments.filter(({ from, to }) => (to - from) / end > legible),
        {
          x: ({ from, to }: Segment) => (from + to) / 2,
          y: () => index,
          text: ({ from, to }: Segment) => (to - from).toFixed(2),
          fill: ({ part }: Segment) => (isPale(part) ? 'var(--ink)' : 'var(--on-dark-part)'),
          fontWeight: 600,
        },
      ),
    ]),
  });
  const entries = parts.map(([part, label]) => ({ label, colour: colourOf(part) }));
  const columnWidth = (chartWidths[size] - 20) / columns;
  const at = { x: 10, y: height - rows * 18, columns, columnWidth };
  return { ...drawing, markup: drawing.markup + legend(entries, at) };
}

/** Workers are the service's own processes: a paler shade of its colour. */
function colourOf(part: CpuPart): string {
  if (part === 'worker') return 'color-mix(in srgb, var(--service) 45%, var(--surface))';
  return `var(--${part.replace('_', '-')})`;
}

function isPale(part: CpuPart): boolean {
  return part === 'idle' || part === 'other' || part === 'lab' || part === 'redis_queue' || part === 'worker';
}
