import type { TrialsAnalysis } from '../../analysis/analyze-trials.ts';
import type { RoundRatios } from '../../analysis/round-ratios.ts';
import type { SeriesAnalysis } from '../../analysis/series-analysis.ts';
import { spreadOf } from '../../analysis/spread.ts';
import type { Spread } from '../../analysis/spread.ts';
import type { TrialsRecord, ValueDefinition } from '../../evidence/trials-schema.ts';
import { seriesDotsChart } from '../charts/series-dots-chart.ts';
import type { DotRow } from '../charts/series-dots-chart.ts';
import { crashesInWords } from '../fault-table.ts';
import { formatConfidence, formatEstimate, formatNumber, formatQuantity, scaleOf } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Content, Section } from '../report-document.ts';
import { claimedInWords } from '../trials-sentence.ts';

/** A chart with more rows than this says less than the table. */
const mostLossRows = 8;

/** Empty without a control among the series about jobs, or with so many of them that the table says more. */
export function lossSection({ series }: TrialsAnalysis): Section {
  const shown = series.filter((own) => own.trials.length > 0 && own.series.subject !== 'reads');
  const contents: Content[] = [];
  if (shown.some((own) => own.series.role === 'control') && shown.length <= mostLossRows) {
    const rows = shown.map((own): DotRow => ({
      label: own.series.label,
      role: own.series.role,
      values: own.trials.map(({ lost }) => lost),
      words: `${formatNumber(own.totals.lost)} of ${formatNumber(own.totals.accepted)} lost, in ${crashesInWords(own.losses)} crashes`,
    }));
    const chart = seriesDotsChart({
      name: 'lost-jobs',
      title: 'Lost jobs of each trial',
      description: 'Each dot is one trial, the first at the top. A control, hollow, must lose.',
      axis: 'accepted jobs lost in a trial',
      unit: '',
      rows,
    });
    contents.push({
      kind: 'chart',
      chart,
      table: {
        caption: 'Lost jobs of a trial',
        columns: [{ label: 'Series' }, ...spreadColumns('Trials')],
        rows: shown.flatMap((own) => {
          const spread = spreadOf(own.trials.map(({ lost }) => lost));
          return spread ? [spreadRow(own, spread, '')] : [];
        }),
      },
    });
  }
  return { id: 'lost-jobs', title: 'Lost jobs', contents };
}

export function recoverySection({ series }: TrialsAnalysis): Section {
  const recovered = series.flatMap((own) => (own.recovery ? [{ own, recovery: own.recovery }] : []));
  if (recovered.length === 0) return { id: 'recovery', title: 'Time to recover', contents: [] };
  const chart = seriesDotsChart({
    name: 'recovery',
    title: 'Time to recover',
    description: 'Each dot is one recovery, from the fault to the moment that its row names, the first at the top.',
    axis: 'after the fault',
    unit: 's',
    rows: recovered.map(({ own, recovery }) => ({
      label: own.series.label,
      role: own.series.role,
      values: own.trials.flatMap(({ recoverySeconds }) => recoverySeconds),
      words: `median ${formatQuantity(recovery.median, 's')}, largest ${formatQuantity(recovery.largest, 's')}`,
    })),
  });
  return {
    id: 'recovery',
    title: 'Time to recover',
    contents: [
      {
        kind: 'chart',
        chart,
        table: {
          caption: 'Time to recover',
          columns: [{ label: 'Series' }, ...spreadColumns('Recoveries'), { label: 'Tries', numeric: true }],
          rows: recovered.map(({ own, recovery }) => [
            ...spreadRow(own, recovery, 's'),
            formatNumber(own.totals.faults),
          ]),
        },
      },
    ],
  };
}

/** As many columns as can be read beside each other. */
const mostColumns = 6;

/** Every measured value beside every series, where there are few series and several values. */
export function valueOverview({ experiment }: TrialsRecord, { series }: TrialsAnalysis): Content[] {
  const measured = series.filter(({ values }) => values.size > 0);
  const values = experiment.values.filter(({ id }) => measured.some((own) => own.values.has(id)));
  if (values.length < 2 || measured.length === 0 || measured.length > mostColumns) return [];
  return [
    {
      kind: 'table',
      table: {
        caption: 'What was measured: the median of the trials, and the smallest to the largest of them',
        columns: [{ label: 'Value' }, ...measured.map(({ series: { label } }) => ({ label, numeric: true }))],
        rows: values.map(({ id, label, unit }) => [
          label,
          ...measured.map((own) => spreadInWords(own.values.get(id), unit)),
        ]),
      },
    },
  ];
}

/** `2.1 s (1.8 to 2.4)`, `1.1 s (980 ms to 1.2 s)`; one figure where all trials gave the same. */
function spreadInWords(spread: Spread | undefined, unit: string): string {
  if (spread === undefined) return '–';
  const { median, smallest, largest } = spread;
  const middle = formatQuantity(median, unit);
  if (smallest === largest) return middle;
  const { factor } = scaleOf(unit, median);
  const isOfOneScale = [smallest, largest].every((value) => scaleOf(unit, value).factor === factor);
  const end = (value: number) => (isOfOneScale ? formatNumber(value / factor) : formatQuantity(value, unit));
  return `${middle} (${end(smallest)} to ${end(largest)})`;
}

export function valueSection(run: TrialsRecord, { series, ratios }: TrialsAnalysis): Section {
  const contents = run.experiment.values.flatMap((value) => valueContents(value, { series, ratios }));
  return { id: 'values', title: 'What was measured', contents: [...contents, ...ratioContents(ratios)] };
}

function valueContents(
  value: ValueDefinition,
  { series, ratios }: Pick<TrialsAnalysis, 'series' | 'ratios'>,
): Content[] {
  const measured = series.flatMap((own) => {
    const spread = own.values.get(value.id);
    return spread ? [{ own, spread }] : [];
  });
  if (measured.length === 0) return [];
  const better = { lower: ' Lower is better.', higher: ' Higher is better.', neither: '' }[value.better];
  const compared = ratios.flatMap(({ comparison, label, ratio }) =>
    comparison.value === value.id && ratio ? [` ${label}: ${formatEstimate(ratio, '')} times.`] : [],
  );
  const chart = seriesDotsChart({
    name: `value-${value.id.replaceAll('_', '-')}`,
    title: value.label,
    description: `Each dot is one trial, the first at the top.${better}${compared.join('')}`,
    axis: value.label,
    unit: value.unit,
    rows: measured.map(({ own, spread }) => ({
      label: own.series.label,
      role: own.series.role,
      values: own.trials.flatMap(({ values }) => values[value.id] ?? []),
      words: `median ${spreadInWords(spread, value.unit)}`,
    })),
  });
  const table = {
    caption: value.label,
    columns: [{ label: 'Series' }, ...spreadColumns('Trials')],
    rows: measured.map(({ own, spread }) => spreadRow(own, spread, value.unit)),
  };
  return [{ kind: 'chart', chart, table }];
}

function ratioContents(ratios: readonly RoundRatios[]): Content[] {
  if (ratios.length === 0) return [];
  return [
    {
      kind: 'table',
      table: {
        caption: 'Ratios, paired by round (the trials with the same number)',
        columns: [
          { label: 'Ratio' },
          { label: 'Estimate and interval', numeric: true },
          { label: 'Confidence', numeric: true },
          { label: 'Rounds', numeric: true },
          { label: 'Claimed', numeric: true },
          { label: 'Warnings' },
        ],
        rows: ratios.map(({ label, ratio, rounds, comparison: { bound }, warnings }) => [
          label,
          ratio === undefined ? 'none' : formatEstimate(ratio, ''),
          ratio === undefined ? '–' : formatConfidence(ratio.confidence),
          formatNumber(rounds.length),
          bound === undefined ? 'nothing' : claimedInWords(bound),
          warnings.length === 0 ? 'none' : warnings.join('; '),
        ]),
      },
    },
    paragraph('Hodges-Lehmann estimate and exact signed-rank interval of the logarithms of the ratios of the rounds.'),
  ];
}

function spreadColumns(counted: string) {
  return ['Median', 'Smallest', 'Largest', counted].map((label) => ({ label, numeric: true }));
}

function spreadRow({ series }: SeriesAnalysis, { median, smallest, largest, count }: Spread, unit: string): string[] {
  return [
    series.label,
    ...[median, smallest, largest].map((value) => formatQuantity(value, unit)),
    formatNumber(count),
  ];
}
