import { formatChange, formatPValue, formatQuantity, formatShare } from '../report/formats.ts';
import { type GateLoad, gateLoads } from './counters.ts';
import { blockValues, type GateMetric, gateMetrics } from './gate-metrics.ts';
import type { GateRecord } from './gate-record.ts';
import { type BlocksComparison, compareBlocks, type GateStage } from './judge-blocks.ts';

/** The first row is the head of the table. */
export type Table = readonly (readonly string[])[];

const headings = ['Metric', 'Base', 'Head', 'Change, 95 % interval', 'p', 'Smallest detectable', 'Control'] as const;

/** A row a metric and load, from the confirmation where there was one. */
export function metricTable(record: GateRecord): Table {
  const rows = gateLoads.flatMap((load) => {
    const stage: GateStage = record.confirmation.some((slot) => slot.load === load) ? 'confirmation' : 'screen';
    return gateMetrics.flatMap((metric) => {
      const blocks = blockValues(record[stage], load, metric);
      const comparison = compareBlocks(blocks, stage);
      return comparison === undefined ? [] : [row({ load, stage, metric, comparison, blocks: blocks.length })];
    });
  });
  return rows.length === 0 ? [] : [headings, ...rows];
}

interface Row {
  readonly load: GateLoad;
  readonly stage: GateStage;
  readonly metric: GateMetric;
  readonly comparison: BlocksComparison;
  readonly blocks: number;
}

function row({ load, stage, metric, comparison, blocks }: Row): string[] {
  const { base, head, ratio, pValue, smallestDetectable, control } = comparison;
  const { unit, judged, label } = metric;
  return [
    `${load}: ${label} (${judged ? '' : 'shown only, '}${blocks} blocks of the ${stage})`,
    formatQuantity(base.estimate, unit),
    formatQuantity(head.estimate, unit),
    formatChange(ratio),
    judged ? formatPValue(pValue) : '',
    judged && smallestDetectable !== undefined ? formatShare(smallestDetectable) : '',
    control === undefined ? '' : `${formatChange(control.ratio)}${judged && control.broken ? ', broken' : ''}`,
  ];
}

export function markdownTable(table: Table): string[] {
  const [head = [], ...rows] = table;
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return table.length === 0
    ? []
    : [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)];
}

export function terminalTable(table: Table): string[] {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
  return table.map((cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
