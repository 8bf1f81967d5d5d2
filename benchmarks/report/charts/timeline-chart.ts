import type { SeriesTimeline, TimelinePhase } from '../../analysis/timeline-analysis.ts';
import { formatNumber } from '../formats.ts';
import { escape } from '../markup.ts';
import { chartWidths } from '../report-document.ts';
import type { Chart, ChartSize, Drawing } from '../report-document.ts';
import { drawTimelinePanel, panelHeight, panelMargins } from './timeline-panel.ts';

const axisHeight = 30;
const lineHeight = 14;
/** Of 12 pixels, on average; a label that is wider than its phase is written in two lines, or as a number. */
const characterWidth = 6.4;

/** Small charts under each other with one time axis: what went on in the trials of a series, and in which phase. */
export function timelineChart(timeline: SeriesTimeline): Chart {
  const { series, phases } = timeline;
  const trials = Math.max(...timeline.panels.flatMap(({ lines }) => lines.map((line) => line.trials.length)));
  const drawn =
    trials === 1
      ? 'One trial.'
      : `${trials} trials over each other: lines are medians with the range of the trials behind them, stacks are means, states have a row for each trial.`;
  return {
    name: `timeline-${series.id}`,
    title: `${series.label} as time goes by`,
    description: `${drawn} Shaded: something is out of order. ${phases.map(phaseInWords).join(' ')}`,
    draw: (size) => drawTimeline(timeline, size),
  };
}

/** `From 6 to 12 s, Redis SIGKILL: 98 % served, 2 % refused.` */
function phaseInWords({ label, fromSeconds, toSeconds, answers }: TimelinePhase): string {
  const time = `From ${formatNumber(fromSeconds)} to ${formatNumber(toSeconds)} s, ${label}`;
  if (!answers) return `${time}.`;
  const shares = (['served', 'refused', 'failed'] as const).flatMap((kind) => {
    const share = answers[kind].median;
    return share > 0 || kind === 'served' ? [`${formatNumber(100 * share)} % ${kind}`] : [];
  });
  return `${time}: ${shares.join(', ')}.`;
}

function drawTimeline(timeline: SeriesTimeline, size: ChartSize): Drawing {
  const width = chartWidths[size];
  const { phases, panels, seconds } = timeline;
  const plotWidth = width - panelMargins.left - panelMargins.right;
  const xOf = (at: number): number => panelMargins.left + (plotWidth * at) / seconds;
  const labels = phases.map((phase) => labelLines(phase.label, xOf(phase.toSeconds) - xOf(phase.fromSeconds)));
  const numbered = labels.includes(undefined);
  const headHeight = 8 + lineHeight * (numbered ? 1 : Math.max(...labels.map((lines) => lines?.length ?? 1)));
  const heights = panels.map((panel) => panelHeight(panel, size));
  const panelsHeight = heights.reduce((sum, own) => sum + own, 0);
  const footLines = numbered ? phases.map(({ label }, index) => `${index + 1}: ${label}`) : [];
  const height = headHeight + panelsHeight + axisHeight + footLines.length * (lineHeight + 2);

  const shades = phases
    .filter(({ isFault }) => isFault)
    .map(({ fromSeconds, toSeconds }) => {
      const left = xOf(fromSeconds).toFixed(1);
      const shadeWidth = (xOf(toSeconds) - xOf(fromSeconds)).toFixed(1);
      return `<rect x="${left}" y="2" width="${shadeWidth}" height="${headHeight + panelsHeight - 2}" fill="var(--refuted)" fill-opacity="0.11"/>`;
    });
  const heads = phases.flatMap((phase, index) => {
    const lines = numbered ? [String(index + 1)] : (labels[index] ?? []);
    const middle = (xOf(phase.fromSeconds) + xOf(phase.toSeconds)) / 2;
    return lines.map((line, row) => textAt(line, { x: middle, y: 14 + row * lineHeight, bold: phase.isFault }));
  });
  const drawn = panels.map((panel, index) => {
    const { markup } = drawTimelinePanel(timeline, panel, size);
    const above = heights.slice(0, index).reduce((sum, own) => sum + own, headHeight);
    return `<g transform="translate(0,${above})">${markup}</g>`;
  });
  const axis = timeTicks(seconds, size).map((at) =>
    textAt(formatNumber(at), { x: xOf(at), y: headHeight + panelsHeight + 13 }),
  );
  const axisLabel = `<text x="${width - panelMargins.right}" y="${headHeight + panelsHeight + 27}" text-anchor="end">seconds</text>`;
  const foot = footLines.map(
    (line, index) =>
      `<text x="${panelMargins.left}" y="${headHeight + panelsHeight + axisHeight + 12 + index * (lineHeight + 2)}" text-anchor="start">${escape(line)}</text>`,
  );
  const parts = [...shades, ...heads, ...drawn, ...axis, axisLabel, ...foot].join('');
  return { width, height, markup: `<g font-size="12" fill="var(--ink)">${parts}</g>` };
}

/** In one line or, between words, in two; undefined when even that is wider than the phase. */
function labelLines(label: string, width: number): string[] | undefined {
  const fits = (line: string): boolean => line.length * characterWidth <= width;
  if (fits(label)) return [label];
  const words = label.split(' ');
  const breaks = words.slice(1).map((_, index) => {
    const lines = [words.slice(0, index + 1).join(' '), words.slice(index + 1).join(' ')];
    return lines;
  });
  return breaks.find((lines) => lines.every(fits));
}

function textAt(text: string, { x, y, bold = false }: { x: number; y: number; bold?: boolean }): string {
  const weight = bold ? ' font-weight="600"' : '';
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="middle"${weight}>${escape(text)}</text>`;
}

/** Multiples of 1, 2 or 5 times a power of ten, from 0. */
function timeTicks(seconds: number, size: ChartSize): number[] {
  const most = size === 'wide' ? 16 : 7;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((own) => seconds / own <= most) ?? seconds;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step);
}
