import { findingOf } from '../../analysis/comparison.ts';
import type { Comparison } from '../../analysis/comparison.ts';
import type { Location } from '../../analysis/signed-rank.ts';
import type { RunRecord } from '../../evidence/schema.ts';
import { estimatesChart } from '../charts/estimates-chart.ts';
import { findings } from '../findings.ts';
import {
  formatChange,
  formatConfidence,
  formatEstimate,
  formatPValue,
  formatShare,
  labelOfRow,
  unitOfCell,
} from '../formats.ts';
import type { Column, Content, Table } from '../report-document.ts';
import { paragraph } from '../report-document.ts';
import { sectionOf } from './metric-sections.ts';

/** Before, after and the change of some metrics, and why one lacks its change. */
export function comparisonContents(run: RunRecord, comparisons: readonly Comparison[], caption: string): Content[] {
  return [{ kind: 'table', table: comparisonTable(run, comparisons, caption) }, ...warningContents(comparisons)];
}

export function comparisonTable(run: RunRecord, comparisons: readonly Comparison[], caption: string): Table {
  return { caption, columns: levelColumns(run), rows: comparisons.map((comparison) => levelCells(comparison)) };
}

/** Every tested metric, the claim's first and followed by its control, and what no other section prints. */
export function estimateContents(run: RunRecord, comparisons: readonly Comparison[]): Content[] {
  const [primary, secondary, shown] = (['primary', 'secondary', 'shown'] as const).map((role) =>
    comparisons.filter(({ metric }) => metric.role === role && (role !== 'shown' || sectionOf(metric) === undefined)),
  );
  const rows = [
    ...(primary ?? []).flatMap((own) => [testedRow(own), ...controlRow(own)]),
    ...(secondary ?? []).map(testedRow),
    ...(shown ?? []).map(testedRow),
  ];
  const numeric = (label: string): Column => ({ label, numeric: true });
  const columns = [
    ...levelColumns(run),
    numeric('p (Holm)'),
    numeric('Floor'),
    { label: 'Finding' },
    numeric('Detectable'),
  ];
  const chart = estimatesChart(run, comparisons);
  return [
    ...(chart ? [{ kind: 'chart', chart } as const] : []),
    {
      kind: 'table',
      table: {
        caption: `Hodges-Lehmann estimates over ${run.profile.blocks} blocks with exact signed-rank intervals`,
        columns,
        rows,
      },
    },
    ...warningContents([...(primary ?? []), ...(secondary ?? []), ...(shown ?? [])]),
    paragraph(
      `Intervals: ${confidenceInWords(comparisons)}; none stands where all blocks gave the same value. The unit of analysis is the block. p: exact two-sided Wilcoxon signed-rank test of the block log-ratios; the claim’s metric stands alone, the other tested ones are corrected together by Holm. “~”: no difference was detected. Significant and relevant are two questions: the floor is the smallest change that matters, and a real difference below it is named so. “too few blocks”: corrected for this number of metrics, no difference, however large, could have been significant; the interval still says how large it is. Detectable: the smallest change that this run would have found in 80 of 100 runs, before Holm. ${whereTheRestStands(comparisons)}`,
    ),
    paragraph(
      'Control: in each block one variant’s two slots, as a ratio with a random direction, both drawn from the run’s seed. It is broken when its interval excludes no change and its estimate is beyond half the floor; the verdict is then INCONCLUSIVE.',
    ),
  ];
}

function whereTheRestStands(comparisons: readonly Comparison[]): string {
  return comparisons.some(({ metric }) => metric.role !== 'shown' && sectionOf(metric) !== undefined)
    ? 'What is shown and not tested stands with its change in a section of its own, where it has one.'
    : 'Requests, hit ratio, latency and memory are shown, not tested: their changes stand in their own sections.';
}

/** Why a value or a ratio is not there. */
export function warningContents(comparisons: readonly Comparison[]): Content[] {
  const items = comparisons.flatMap(({ metric, warnings }) =>
    warnings.map((warning) => `${metric.label}: ${warning}.`),
  );
  return items.length === 0 ? [] : [{ kind: 'list', items }];
}

function levelColumns({ experiment }: RunRecord): Column[] {
  const [before, after] = experiment.variants;
  return [
    { label: 'Metric' },
    { label: before.label, numeric: true },
    { label: after.label, numeric: true },
    { label: 'Change', numeric: true },
  ];
}

function levelCells({ metric, before, after, ratio }: Comparison): string[] {
  const cell = (location: Location | undefined) =>
    location === undefined ? 'not measured' : formatEstimate(location, unitOfCell(metric.unit));
  return [labelOfRow(metric), cell(before), cell(after), ratio ? formatChange(ratio) : '–'];
}

function testedRow(comparison: Comparison): string[] {
  const { metric, adjustedPValue, smallestDetectable } = comparison;
  const tested = metric.role !== 'shown';
  return [
    ...levelCells(comparison),
    adjustedPValue === undefined ? '' : formatPValue(adjustedPValue),
    tested && metric.floor !== undefined ? formatShare(metric.floor) : '',
    findings[findingOf(comparison)],
    smallestDetectable === undefined ? (tested ? 'none' : '') : formatShare(smallestDetectable),
  ];
}

function controlRow({ metric, control }: Comparison): string[][] {
  if (control === undefined)
    return [['Control: the line above, a variant against itself', '', '', 'not measured', '', '', '', '']];
  const limit = metric.floor === undefined ? '' : formatShare(metric.floor / 2);
  const finding = control.broken ? 'BROKEN' : 'clean';
  return [
    ['Control: the line above, a variant against itself', '', '', formatChange(control.ratio), '', limit, finding, ''],
  ];
}

function confidenceInWords(comparisons: readonly Comparison[]): string {
  const levels = new Set(comparisons.flatMap(({ before }) => (before ? [formatConfidence(before.confidence)] : [])));
  return levels.size === 0 ? 'none' : `${[...levels].join(' or ')} confidence, exact`;
}
