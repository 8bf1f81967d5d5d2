import type { Analysis } from '../../analysis/analyze-run.ts';
import { meanOfTwo } from '../../analysis/blocks.ts';
import type { Comparison } from '../../analysis/comparison.ts';
import type { CpuBudget } from '../../analysis/cpu-budget.ts';
import type { RunRecord } from '../../evidence/schema.ts';
import { claimChart } from '../charts/claim-chart.ts';
import { cpuBudgetChart, partLabels } from '../charts/cpu-budget-chart.ts';
import { latencyChart } from '../charts/latency-chart.ts';
import { throughputChart } from '../charts/throughput-chart.ts';
import { formatEstimate, formatNumber, formatQuantity, labelOfRow, unitOfCell } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Chart, Content, Section, Table } from '../report-document.ts';
import { comparisonTable, estimateContents } from './comparison-table.ts';

/** What the measured slots say, in the order of the report. A section without its metrics is left out. */
export function measurementSections(run: RunRecord, analysis: Analysis): Section[] {
  return [
    claimSection(run, analysis),
    { id: 'estimates', title: 'All estimates', contents: estimateContents(run, analysis.comparisons) },
    throughputSection(run, analysis),
    hitRatioSection(run, analysis),
    latencySection(run, analysis),
    memorySection(run, analysis),
    budgetSection(run, analysis),
  ].filter(({ contents }) => contents.length > 0);
}

function claimSection(run: RunRecord, { primary }: Analysis): Section {
  const [before, after] = run.experiment.variants;
  const { metric, values } = primary;
  const cell = (value: number) => formatQuantity(value, unitOfCell(metric.unit));
  const table: Table = {
    caption: `${labelOfRow(metric)}, by block`,
    columns: [
      { label: 'Block', numeric: true },
      ...[before.label, `${before.label}, its slots`, after.label, `${after.label}, its slots`].map((label) => ({
        label,
        numeric: true,
      })),
    ],
    rows: values.map((value) => [
      String(value.block),
      cell(meanOfTwo(value.before)),
      value.before.map(cell).join(', '),
      cell(meanOfTwo(value.after)),
      value.after.map(cell).join(', '),
    ]),
  };
  return { id: 'claim', title: 'The claim, block by block', contents: withChart(claimChart(run, primary), table) };
}

function throughputSection(run: RunRecord, { comparisons }: Analysis): Section {
  const own = comparisons.filter(({ metric }) => metric.unit === '1/s');
  const table = comparisonTable(run, own, 'Per second');
  return {
    id: 'throughput',
    title: 'Requests and statements',
    contents:
      own.length === 0
        ? []
        : [
            paragraph(
              `Both variants were offered ${formatNumber(run.offeredRatePerSecond)} reads per second; requests are what was answered.`,
            ),
            ...withChart(throughputChart(run, own), table),
          ],
  };
}

function hitRatioSection(run: RunRecord, { comparisons }: Analysis): Section {
  const measured = comparisons.find(({ metric }) => metric.id === 'hit_ratio');
  const predicted = run.predictedHitRatio * 100;
  const off = measured?.values.every(({ after }) => meanOfTwo(after) === 0) ?? true;
  return {
    id: 'hit-ratio',
    title: 'Hit ratio and its prediction',
    contents:
      measured?.after === undefined || off
        ? []
        : [
            paragraph(
              `Measured ${formatEstimate(measured.after, '%')}; predicted from the workload alone ${formatNumber(predicted)} %: ${Math.abs(measured.after.estimate - predicted).toFixed(1)} points apart. The prediction is an independent-reference model of the declared workload; it knows nothing of the run.`,
            ),
          ],
  };
}

function latencySection(run: RunRecord, { comparisons, readings }: Analysis): Section {
  const own = comparisons.filter(({ metric }) => metric.source.kind === 'percentile');
  const table = comparisonTable(run, own, 'Latency percentiles of slots, then blocks; never pooled over slots');
  return {
    id: 'latency',
    title: 'Latency',
    contents: own.length === 0 ? [] : [{ kind: 'table', table }, ...withChart(latencyChart(run, readings), undefined)],
  };
}

function memorySection(run: RunRecord, { comparisons }: Analysis): Section {
  const own = comparisons.filter(({ metric }) => metric.unit === 'bytes' || metric.unit === 'keys');
  const table = comparisonTable(
    run,
    own,
    'Resident memory of every part, and what the cache holds beside the catalogue',
  );
  return {
    id: 'memory',
    title: 'Memory and what is cached',
    contents: own.length === 0 ? [] : [{ kind: 'table', table }, ...cachedBesideCatalogue(own)],
  };
}

function cachedBesideCatalogue(comparisons: readonly Comparison[]): Content[] {
  const after = (id: string) => {
    const found = comparisons.find(({ metric }) => metric.id === id);
    return found?.after === undefined ? undefined : formatQuantity(found.after.estimate, found.metric.unit);
  };
  const [keys, bytes] = [after('redis_cache_keys'), after('redis_cache_used_bytes')];
  const [allKeys, allBytes] = [after('catalogue_keys'), after('catalogue_bytes')];
  if (keys === undefined || bytes === undefined || allKeys === undefined || allBytes === undefined) return [];
  return [
    paragraph(
      `Look-aside keeps only what is asked for: ${keys} and ${bytes} (Redis’ own included) beside a catalogue of ${allKeys} and ${allBytes}.`,
    ),
  ];
}

function budgetSection(run: RunRecord, { budgets }: Analysis): Section {
  const seconds = (value: number | undefined) => (value === undefined ? 'not recorded' : formatQuantity(value, 's'));
  const row = (label: string, pick: (budget: CpuBudget) => number | undefined) => [
    label,
    ...budgets.map((budget) => seconds(pick(budget))),
  ];
  const table: Table = {
    caption: `Mean CPU-seconds of a window (${budgets.map(({ windowSeconds }) => formatQuantity(windowSeconds, 's')).join(' and ')})`,
    columns: [{ label: 'Part' }, ...run.experiment.variants.map(({ label }) => ({ label, numeric: true }))],
    rows: [
      ...budgets[0].parts.map(({ part }) =>
        row(partLabels[part], ({ parts }) => parts.find((own) => own.part === part)?.cpuSeconds),
      ),
      row('not accounted for', ({ unaccounted }) => unaccounted),
      row('the machine’s own counter, all cores', ({ machine }) => machine),
    ],
  };
  return { id: 'cpu-budget', title: 'CPU budget', contents: withChart(cpuBudgetChart(run, budgets), table) };
}

/** The chart with its table folded under it, or the table alone. */
export function withChart(chart: Chart | undefined, table: Table | undefined): Content[] {
  if (chart !== undefined) return [{ kind: 'chart', chart, ...(table && { table }) }];
  return table === undefined ? [] : [{ kind: 'table', table }];
}
