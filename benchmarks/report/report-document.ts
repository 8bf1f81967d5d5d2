import type { VerdictName } from '../analysis/verdict.ts';

/** A report before it is HTML or Markdown. Texts are plain; the two writers escape them. */
export interface ReportDocument {
  readonly title: string;
  readonly verdict: { readonly name: VerdictName; readonly sentence: string };
  /** Sentences under the headline that limit what it says. */
  readonly warnings: readonly string[];
  /** Under the headline: the claim, and why the verdict is what it is. */
  readonly summary: readonly Content[];
  readonly sections: readonly Section[];
}

export interface Section {
  /** Also the anchor. */
  readonly id: string;
  readonly title: string;
  readonly contents: readonly Content[];
}

export type Content =
  | { readonly kind: 'paragraph'; readonly text: string; readonly term?: string }
  | { readonly kind: 'list'; readonly items: readonly string[]; readonly term?: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'table'; readonly table: Table; readonly collapsed?: boolean }
  | { readonly kind: 'chart'; readonly chart: Chart; readonly table?: Table };

export interface Table {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

export interface Column {
  readonly label: string;
  readonly numeric?: boolean;
  /** Sentences, not words: it keeps its width where there is little room. */
  readonly wide?: boolean;
}

/** Widths in pixels that a chart is drawn for: a page's column, a phone. */
export type ChartSize = 'wide' | 'narrow';
export const chartWidths = { wide: 820, narrow: 336 } as const;

export interface Chart {
  /** The name of its file, without `.svg`. */
  readonly name: string;
  readonly title: string;
  /** What is to be seen, for those who don't see it; also printed under the chart. */
  readonly description: string;
  readonly draw: (size: ChartSize) => Drawing;
}

/** The inside of an svg element with its size. Colours are the variables of theme.ts. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly markup: string;
}

/** In the order of the report. */
export function chartsOf({ sections }: ReportDocument): Chart[] {
  return sections
    .flatMap(({ contents }) => contents)
    .flatMap((content) => (content.kind === 'chart' ? [content.chart] : []));
}

export function paragraph(text: string): Content {
  return { kind: 'paragraph', text };
}
