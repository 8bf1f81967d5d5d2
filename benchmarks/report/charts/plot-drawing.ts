import { plot } from '@observablehq/plot';
import type { PlotOptions } from '@observablehq/plot';
import { parseHTML } from 'linkedom';

import { escape } from '../markup.ts';
import type { Drawing } from '../report-document.ts';
import { compactPath } from './compact-path.ts';

/** Draws with Observable Plot, without a browser. Marks that need ids of their own (clips, gradients) are not for this. */
export function drawPlot(options: PlotOptions & { width: number; height: number }): Drawing {
  const { document } = parseHTML('<html><body></body></html>');
  const drawn = plot({ ...options, document, className: 'plot' });
  drawn.querySelector('style')?.remove();
  const markup = compact(drawn.innerHTML);
  const attributes = 'text-anchor="middle" font-size="12" fill="var(--ink)"';
  return { width: options.width, height: options.height, markup: `<g ${attributes}>${markup}</g>` };
}

/**
 * Plot names its groups by `aria-label`, which ARIA 1.2 forbids on an element without a role; the svg itself is named.
 * Less than a tenth of a pixel is seen by nobody.
 */
function compact(markup: string): string {
  return markup
    .replaceAll(' aria-label="', ' data-mark="')
    .replaceAll(/ (?:d|[xy][12]?|c[xy]|r|width|height|transform)="[^"]*"/g, (attribute) =>
      attribute.replaceAll(/\d+\.\d{2,}(?![\dem])/g, (number) => String(Number(Number(number).toFixed(1)))),
    )
    .replaceAll(/ d="([^"]*)"/g, (_, path: string) => ` d="${compactPath(path)}"`)
    .replaceAll(' />', '/>');
}

/** A legend in rows of equal columns, at a pixel position under a plot. */
export function legend(
  entries: readonly { label: string; colour: string }[],
  { x, y, columns, columnWidth }: { x: number; y: number; columns: number; columnWidth: number },
): string {
  return entries
    .map(({ label, colour }, index) => {
      const left = x + (index % columns) * columnWidth;
      const top = y + Math.floor(index / columns) * 18;
      return (
        `<rect x="${left}" y="${top}" width="11" height="11" fill="${colour}" stroke="var(--muted)" stroke-width="0.5"/>` +
        `<text x="${left + 16}" y="${top + 10}" font-size="12" fill="var(--ink)">${escape(label)}</text>`
      );
    })
    .join('');
}
