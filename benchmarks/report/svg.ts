import type { VerdictName } from '../analysis/verdict.ts';

import { escape } from './markup.ts';
import type { Chart, ChartSize } from './report-document.ts';
import { themeVariables } from './theme.ts';

/** The id of the element in a page that describes the chart: what is to be seen, in words. */
export function captionId({ name }: Chart): string {
  return `${name}-caption`;
}

/** The chart as an svg element for a page that sets the theme's variables and has its caption. Ids are unique in a page. */
export function inlineSvg(chart: Chart, size: ChartSize, verdict: VerdictName): string {
  const id = `${chart.name}-${size}-title`;
  const { start, inside } = partsOf(chart, size, verdict);
  return `${start} class="${size}" aria-labelledby="${id}" aria-describedby="${captionId(chart)}">${titleOf(chart, id)}${inside}</svg>`;
}

/**
 * The chart as a file of its own. It brings its background along: an image in a page follows the reader's
 * system, which is not always the page's theme.
 */
export function standaloneSvg(chart: Chart, verdict: VerdictName): string {
  const { start, inside } = partsOf(chart, 'wide', verdict);
  const description = `<desc id="desc">${escape(chart.description)}</desc>`;
  const style = `<style>${themeVariables('svg')}</style><rect width="100%" height="100%" rx="6" fill="var(--surface)"/>`;
  return `${start} aria-labelledby="title desc">${titleOf(chart, 'title')}${description}${style}${inside}</svg>\n`;
}

function partsOf(chart: Chart, size: ChartSize, verdict: VerdictName): { start: string; inside: string } {
  const { width, height, markup } = chart.draw(size);
  const font = `font-family="system-ui,-apple-system,'Segoe UI',sans-serif"`;
  return {
    start: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" ${font}`,
    inside: markup + (verdict === 'INVALID' ? stamp(width, height) : ''),
  };
}

function titleOf({ title }: Chart, id: string): string {
  return `<title id="${id}">${escape(title)}</title>`;
}

function stamp(width: number, height: number): string {
  const [x, y] = [width / 2, height / 2];
  const size = Math.min(width / 5, height / 2.4).toFixed(0);
  return (
    `<text x="${x}" y="${y}" dy="0.35em" text-anchor="middle" font-size="${size}" font-weight="800" letter-spacing="4" ` +
    `fill="var(--invalid)" fill-opacity="0.3" transform="rotate(-14 ${x} ${y})">INVALID</text>`
  );
}
