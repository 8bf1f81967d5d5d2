import type { VerdictName } from '../analysis/verdict.ts';

import { escape } from './markup.ts';
import type { Chart, ChartSize } from './report-document.ts';
import { themeVariables } from './theme.ts';

/** The chart as an svg element for a page that sets the theme's variables. Ids are unique in a page. */
export function inlineSvg(chart: Chart, size: ChartSize, verdict: VerdictName): string {
  const { width, height, markup } = chart.draw(size);
  const id = `${chart.name}-${size}`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" class="${size}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-labelledby="${id}-title ${id}-desc" font-family="system-ui,-apple-system,'Segoe UI',sans-serif">` +
    `<title id="${id}-title">${escape(chart.title)}</title><desc id="${id}-desc">${escape(chart.description)}</desc>` +
    `${markup}${verdict === 'INVALID' ? stamp(width, height) : ''}</svg>`
  );
}

/**
 * The chart as a file of its own. It brings its background along: an image in a page follows the reader's
 * system, which is not always the page's theme.
 */
export function standaloneSvg(chart: Chart, verdict: VerdictName): string {
  const svg = inlineSvg(chart, 'wide', verdict);
  const start = svg.indexOf('<g ');
  const style = `<style>${themeVariables('svg')}</style><rect width="100%" height="100%" rx="6" fill="var(--surface)"/>`;
  return `${svg.slice(0, start)}${style}${svg.slice(start)}\n`;
}

function stamp(width: number, height: number): string {
  const [x, y] = [width / 2, height / 2];
  const size = Math.min(width / 5, height / 2.4).toFixed(0);
  return (
    `<text x="${x}" y="${y}" dy="0.35em" text-anchor="middle" font-size="${size}" font-weight="800" letter-spacing="4" ` +
    `fill="var(--invalid)" fill-opacity="0.3" transform="rotate(-14 ${x} ${y})">INVALID</text>`
  );
}
