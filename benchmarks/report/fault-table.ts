import { analyzeTrials } from '../analysis/analyze-trials.ts';
import type { TrialsAnalysis } from '../analysis/analyze-trials.ts';
import type { CrashLosses } from '../analysis/crash-losses.ts';
import type { SeriesAnalysis, SeriesVerdict } from '../analysis/series-analysis.ts';
import { addedP99, type Reads, type TrialsEvidence } from '../evidence/trials-schema.ts';

import { formatNumber, formatQuantity, formatUpperBound } from './formats.ts';
import { rowsText } from './markdown-report.ts';
import type { Column, Table } from './report-document.ts';

const seriesMarks: Readonly<Record<SeriesVerdict, string>> = {
  HOLDS: '✓',
  'DOES NOT HOLD': '✗',
  CAUGHT: '✓',
  'HARNESS IS BLIND': '✗',
  INCOMPLETE: '?',
  SKIPPED: '–',
};

interface FaultColumn extends Column {
  readonly cell: (own: SeriesAnalysis) => string;
  /** In characters on a terminal, so that lines printed one after the other stand in columns. */
  readonly width: number;
}

const count = (own: SeriesAnalysis, value: number) => (own.verdict === 'SKIPPED' ? '–' : formatNumber(value));

const faultColumns: readonly FaultColumn[] = [
  { label: 'series', width: 6, cell: ({ verdict, series }) => `${seriesMarks[verdict]} ${series.label}` },
  { label: 'tries', width: 5, numeric: true, cell: (own) => count(own, own.totals.faults) },
  { label: 'accepted', width: 8, numeric: true, cell: (own) => count(own, own.totals.accepted) },
  { label: 'stored', width: 8, numeric: true, cell: (own) => count(own, own.totals.stored) },
  { label: 'dead-lettered', width: 13, numeric: true, cell: (own) => count(own, own.totals.deadLettered) },
  { label: 'lost', width: 7, numeric: true, cell: (own) => count(own, own.totals.lost) },
  { label: 'duplicate', width: 9, numeric: true, cell: (own) => count(own, own.totals.duplicates) },
  { label: 'bound by crash', width: 15, numeric: true, cell: boundByCrash },
  { label: 'time to recover', width: 15, numeric: true, cell: timeToRecover },
  { label: 'verdict', width: 0, cell: ({ verdict }) => verdict },
];

const readCount = (name: Exclude<keyof Reads, 'slowestSeconds'>, width: number): FaultColumn => ({
  label: name,
  width,
  numeric: true,
  cell: ({ reads }) => (reads ? formatNumber(reads[name]) : '–'),
});

const readColumns: readonly FaultColumn[] = [
  ...faultColumns.slice(0, 2),
  readCount('asked', 8),
  readCount('answered', 8),
  readCount('refused', 8),
  readCount('wrong', 5),
  readCount('stale', 5),
  {
    label: 'slowest',
    width: 8,
    numeric: true,
    cell: ({ reads }) => (reads ? formatQuantity(reads.slowestSeconds, 's') : '–'),
  },
  { label: 'p99 +1st s', width: 10, numeric: true, cell: (own) => medianOf(own, addedP99.firstSecond) },
  { label: 'p99 +later', width: 10, numeric: true, cell: (own) => medianOf(own, addedP99.afterwards) },
  ...faultColumns.slice(-2),
];

function medianOf({ values }: SeriesAnalysis, id: string): string {
  const spread = values.get(id);
  return spread ? formatQuantity(spread.median, 's') : '–';
}

interface FaultTable {
  readonly caption: string;
  readonly columns: readonly FaultColumn[];
  readonly series: readonly SeriesAnalysis[];
}

/** Those that have rows: series about jobs, then series about reads. */
function faultTables({ series }: TrialsAnalysis): FaultTable[] {
  const isAboutReads = (own: SeriesAnalysis) => own.series.subject === 'reads';
  return [
    {
      caption: 'What became of the jobs that were accepted',
      columns: faultColumns,
      series: series.filter((own) => !isAboutReads(own)),
    },
    { caption: 'What became of the reads', columns: readColumns, series: series.filter(isAboutReads) },
  ].filter((table) => table.series.length > 0);
}

/** Every series with what became of its accepted jobs, or of its reads; columns without a figure are left out. */
export function seriesTables(analysis: TrialsAnalysis): Table[] {
  return faultTables(analysis).map(({ caption, columns, series }) => {
    const said = columns.filter(({ cell }) => series.some((own) => cell(own) !== '–'));
    return {
      caption,
      columns: said.map(({ label, numeric = false }) => ({ label: capitalised(label), numeric })),
      rows: series.map((own) => said.map(({ cell }) => cell(own))),
    };
  });
}

/** For a README: the same tables, without captions. */
export function seriesTableMarkdown(evidence: TrialsEvidence): string {
  return seriesTables(analyzeTrials(evidence)).map(rowsText).join('\n\n');
}

/**
 * For a terminal: of each table the heading, then one line a series in the experiment's order. A line has the same
 * columns whatever the others hold, so that each can be printed when its series has ended.
 */
export function faultLines(analysis: TrialsAnalysis): string[] {
  return faultTables(analysis).flatMap((table, index) => [...(index > 0 ? [''] : []), ...tableLines(table)]);
}

function tableLines({ columns, series }: FaultTable): string[] {
  const longest = Math.max(...series.map(({ series: { label } }) => label.length));
  const widths = columns.map(({ width }, index) => (index === 0 ? longest + 2 : width));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.numeric === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ label }) => label)), ...series.map((own) => line(columns.map(({ cell }) => cell(own))))];
}

/**
 * Of a promise `≤ 3 %`, the larger of what bounds losses (unless the fault itself deletes jobs) and duplicates; of a
 * control the crashes that did what they must, `48 of 50 lost`.
 */
function boundByCrash({ series, trials, losses, duplicates, verdict }: SeriesAnalysis): string {
  if (verdict === 'SKIPPED' || losses.crashes === 0) return '–';
  if (series.role === 'control') {
    if (losses.jobs > 0) return `${crashesInWords(losses)} lost`;
    if (duplicates.jobs > 0) return `${crashesInWords(duplicates)} twice`;
    const found = trials.filter(({ problems }) => problems.length > 0).length;
    return found === 0 ? '–' : `in ${found} trial${found === 1 ? '' : 's'}`;
  }
  return `≤ ${formatUpperBound(Math.max(series.mayLose ? 0 : losses.boundByCrash, duplicates.boundByCrash))}`;
}

/** `48 of 50`; `10 to 20 of 20` where trials had several crashes. */
export function crashesInWords({
  fewestCrashes,
  mostCrashes,
  crashes,
}: Pick<CrashLosses, 'fewestCrashes' | 'mostCrashes' | 'crashes'>): string {
  const fewest = formatNumber(fewestCrashes);
  const some = fewestCrashes === mostCrashes ? fewest : `${fewest} to ${formatNumber(mostCrashes)}`;
  return `${some} of ${formatNumber(crashes)}`;
}

/** Median and largest. */
function timeToRecover({ recovery }: SeriesAnalysis): string {
  if (recovery === undefined) return '–';
  return `${formatQuantity(recovery.median, 's')}, ${formatQuantity(recovery.largest, 's')}`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
