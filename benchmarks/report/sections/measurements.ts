import type { Analysis } from '../../analysis/analyze-run.ts';
import { logRatio, meanOfTwo } from '../../analysis/blocks.ts';
import type { BlockValues } from '../../analysis/blocks.ts';
import type { Comparison } from '../../analysis/comparison.ts';
import type { CpuBudget, MeanCpu } from '../../analysis/cpu-budget.ts';
import type { RunRecord, VariantId } from '../../evidence/schema.ts';
import { changeChart } from '../charts/change-chart.ts';
import { claimChart } from '../charts/claim-chart.ts';
import { cpuBudgetChart, partLabels } from '../charts/cpu-budget-chart.ts';
import { latencyChart } from '../charts/latency-chart.ts';
import { throughputChart } from '../charts/throughput-chart.ts';
import { formatEstimate, formatNumber, formatQuantity, labelOfRow, unitOfCell } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Chart, Content, Section, Table } from '../report-document.ts';
import { comparisonContents, comparisonTable, estimateContents, warningContents } from './comparison-table.ts';
import { sectionOf } from './metric-sections.ts';

/** What the measured slots say, in the order of the report. A section without its metrics is left out. */
export function measurementSections(run: RunRecord, analysis: Analysis): Section[] {
  return [
    claimSection(run, analysis),
    { id: 'estimates', title: 'Estimates and tests', contents: estimateContents(run, analysis.comparisons) },
    throughputSection(run, analysis),
    hitRatioSection(run, analysis),
    latencySection(run, analysis),
    memorySection(run, analysis),
    budgetSection(run, analysis),
  ].filter(({ contents }) => contents.length > 0);
}

function ofSection(comparisons: readonly Comparison[], section: ReturnType<typeof sectionOf>): Comparison[] {
  return comparisons.filter(({ metric }) => metric.role === 'shown' && sectionOf(metric) === section);
}

function claimSection(run: RunRecord, { primary }: Analysis): Section {
  const { claim, variants } = run.experiment;
  const [before, after] = variants;
  const { metric, values } = primary;
  const cell = (value: number) => formatQuantity(value, unitOfCell(metric.unit));
  const ofChange = claim.variant === 'change';
  const ratioCell = (value: BlockValues) => {
    const ratio = logRatio(value);
    return ratio === undefined ? 'none' : formatNumber(Math.exp(ratio));
  };
  const table: Table = {
    caption: `${labelOfRow(metric)}, by block`,
    columns: [
      { label: 'Block', numeric: true },
      ...[before.label, `${before.label}, its slots`, after.label, `${after.label}, its slots`].map((label) => ({
        label,
        numeric: true,
      })),
      ...(ofChange ? [{ label: 'Ratio', numeric: true }] : []),
    ],
    rows: values.map((value) => [
      String(value.block),
      cell(meanOfTwo(value.before)),
      value.before.map(cell).join(', '),
      cell(meanOfTwo(value.after)),
      value.after.map(cell).join(', '),
      ...(ofChange ? [ratioCell(value)] : []),
    ]),
  };
  const chart = ofChange ? changeChart(run, primary) : claimChart(run, primary);
  return { id: 'claim', title: 'The claim, block by block', contents: withChart(chart, table) };
}

function throughputSection(run: RunRecord, { comparisons }: Analysis): Section {
  const own = ofSection(comparisons, 'throughput');
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
            ...withChart(throughputChart(run, own), undefined),
            ...comparisonContents(run, own, 'Per second'),
          ],
  };
}

function hitRatioSection(run: RunRecord, { comparisons }: Analysis): Section {
  const measured = comparisons.find(({ metric }) => metric.id === 'hit_ratio');
  const id = 'hit-ratio';
  if (run.predictedHitRatio === undefined) {
    return { id, title: 'Hit ratio', contents: measured ? comparisonContents(run, [measured], 'Hit ratio') : [] };
  }
  const predicted = run.predictedHitRatio * 100;
  return {
    id,
    title: 'Hit ratio and its prediction',
    contents:
      measured?.after === undefined
        ? warningContents(measured ? [measured] : [])
        : [
            paragraph(
              `Measured ${formatEstimate(measured.after, '%')}, predicted ${formatNumber(predicted)} %: ${Math.abs(measured.after.estimate - predicted).toFixed(1)} points apart. The prediction is an independent-reference model. It takes the declared workload, the calibrated rate and the profile (time to live, warm-up, window), and nothing that was measured with the cache.`,
            ),
          ],
  };
}

function latencySection(run: RunRecord, { comparisons, readings }: Analysis): Section {
  const own = ofSection(comparisons, 'latency');
  const table = comparisonTable(run, own, 'Latency percentiles of slots, then blocks; never pooled over slots');
  const lags = run.experiment.variants.map(({ id }) => largestScheduleLag(run, readings, id));
  const lagRow = ['Largest schedule lag, worst slot', ...lags, ''];
  return {
    id: 'latency',
    title: 'Latency',
    contents:
      own.length === 0
        ? []
        : [
            ...withChart(latencyChart(run, readings), undefined),
            { kind: 'table', table: { ...table, rows: [...table.rows, lagRow] } },
            paragraph(
              'Arrivals are evenly spaced, which is kinder to the high percentiles than users are. A latency runs from the first byte of the request to the last of its answer: a late start, the schedule lag, is not in it.',
            ),
          ],
  };
}

/** `73.4 ms (block-03-4)`: how late the generator started an iteration at worst, over a variant's measured slots. */
function largestScheduleLag({ slots }: RunRecord, readings: Analysis['readings'], variant: VariantId): string {
  const lags = slots
    .filter((slot) => slot.role === 'measured' && slot.variant === variant)
    .map(({ id }) => ({ id, seconds: readings.get(id)?.samples.get('schedule_lag_largest_seconds') }))
    .toSorted((a, b) => (b.seconds ?? Infinity) - (a.seconds ?? Infinity));
  const worst = lags[0];
  if (worst?.seconds === undefined) return 'not recorded';
  return `${formatQuantity(worst.seconds, 's')} (${worst.id})`;
}

function memorySection(run: RunRecord, { comparisons }: Analysis): Section {
  const own = ofSection(comparisons, 'memory');
  const ofCache = own.some(({ metric }) => metric.unit === 'keys');
  const beside = ofCache ? ', and what the cache holds beside the catalogue' : '';
  const keys = ofCache
    ? ' Keys in the cache are all keys of its Redis: answers, and the versions and leases that guard them.'
    : '';
  return {
    id: 'memory',
    title: ofCache ? 'Memory and what is cached' : 'Memory',
    contents:
      own.length === 0
        ? []
        : [
            ...comparisonContents(run, own, `Memory of every part at the end of a window${beside}`),
            paragraph(
              `The memory of a part is the proportional set size of its processes (Pss): a page that several processes share is divided among them.${keys}`,
            ),
            ...cachedBesideCatalogue(own),
          ],
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
      `Look-aside keeps only what is asked for: ${keys} (versions and leases included) and ${bytes} (Redis’ own included) beside a catalogue of ${allKeys} and ${allBytes}.`,
    ),
  ];
}

function budgetSection(run: RunRecord, { budgets }: Analysis): Section {
  const row = (label: string, pick: (budget: CpuBudget) => MeanCpu | undefined) => [
    label,
    ...budgets.map((budget) => meanInWords(pick(budget))),
  ];
  const table: Table = {
    caption: `Mean CPU-seconds of a window (${budgets.map(({ windowSeconds }) => formatQuantity(windowSeconds, 's')).join(' and ')})`,
    columns: [{ label: 'Part' }, ...run.experiment.variants.map(({ label }) => ({ label, numeric: true }))],
    rows: [
      ...budgets[0].parts.map(({ part }) =>
        row(partLabels[part], ({ parts }) => parts.find((own) => own.part === part)?.mean),
      ),
      row('cores × window', ({ machine }) => machine),
      [
        'residual: cores × window less all parts',
        ...budgets.map(({ residual }) =>
          residual === undefined
            ? 'not recorded'
            : `${meanInWords(residual)}, ${residual.cpuSeconds < 0 ? 'counted twice' : 'not attributed'}`,
        ),
      ],
      ...(budgets.some(({ procStat }) => procStat !== undefined)
        ? [row('what /proc/stat counted', ({ procStat }) => procStat)]
        : []),
    ],
  };
  const howSure = paragraph(
    'Means over the measured slots, with bootstrap intervals over blocks at about 95 %; none stands for fewer than 6 blocks, or where nearly all are the same. They stand in no test.',
  );
  return {
    id: 'cpu-budget',
    title: 'CPU budget',
    contents: [...withChart(cpuBudgetChart(run, budgets), table), howSure],
  };
}

function meanInWords(mean: MeanCpu | undefined): string {
  if (mean === undefined) return 'not recorded';
  const { cpuSeconds, interval } = mean;
  return interval === undefined
    ? formatQuantity(cpuSeconds, 's')
    : formatEstimate({ estimate: cpuSeconds, ...interval }, 's');
}

/** The chart with its table folded under it, or the table alone. */
export function withChart(chart: Chart | undefined, table: Table | undefined): Content[] {
  if (chart !== undefined) return [{ kind: 'chart', chart, ...(table && { table }) }];
  return table === undefined ? [] : [{ kind: 'table', table }];
}
