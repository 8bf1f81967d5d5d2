import type { TrialsAnalysis } from '../../analysis/analyze-trials.ts';
import type { CrashLosses } from '../../analysis/crash-losses.ts';
import type { RoundRatios } from '../../analysis/round-ratios.ts';
import type { SeriesAnalysis } from '../../analysis/series-analysis.ts';
import { fewInWords } from '../../analysis/trials-verdict.ts';
import { spreadOf } from '../../analysis/spread.ts';
import type { Spread } from '../../analysis/spread.ts';
import type { TrialsRecord, ValueDefinition } from '../../evidence/trials-schema.ts';
import { seriesDotsChart } from '../charts/series-dots-chart.ts';
import type { DotRow } from '../charts/series-dots-chart.ts';
import { crashesInWords, seriesTable } from '../fault-table.ts';
import { formatConfidence, formatEstimate, formatNumber, formatQuantity, formatUpperBound } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Content, Section } from '../report-document.ts';

/** A chart with more rows than this says less than the table. */
const mostLossRows = 8;

/** What the trials say, in the order of the report. A section without anything to show is left out. */
export function seriesSections(run: TrialsRecord, analysis: TrialsAnalysis): Section[] {
  const hurt = analysis.series.some(({ series }) => series.role !== 'measured');
  const [values, tables] = [valueSection(run, analysis), tableSection(analysis, hurt)];
  return [
    failureSection(analysis),
    ...(hurt ? [tables, lossSection(analysis), recoverySection(analysis), values] : [values, tables]),
  ].filter(({ contents }) => contents.length > 0);
}

/** Every series that is not as it must be, before anything else. */
function failureSection({ series }: TrialsAnalysis): Section {
  const wrong = series.filter(({ verdict }) => verdict !== 'HOLDS' && verdict !== 'FAILS AS IT MUST');
  const items = wrong.flatMap((own) =>
    [...own.reasons, ...own.gaps.filter((gap) => !own.reasons.includes(gap))].map(
      (reason) => `${own.series.label} (${own.verdict}): ${reason}.`,
    ),
  );
  return {
    id: 'failures',
    title: 'What is not as it must be',
    contents: items.length === 0 ? [] : [{ kind: 'list', items }],
  };
}

function tableSection(analysis: TrialsAnalysis, hurt: boolean): Section {
  const accepted =
    'Accepted is what clients were answered with 202, by a list of their own; stored, dead-lettered and lost are found by SQL when all is quiet, and add up to it.';
  const table: Content = { kind: 'table', table: seriesTable(analysis) };
  return hurt
    ? {
        id: 'series',
        title: 'Every fault',
        contents: [table, paragraph(`${tries} ${accepted} ${bound}`), ...certainty(analysis)],
      }
    : { id: 'series', title: 'Every series', contents: [table, paragraph(accepted)] };
}

const tries = 'A try is a crash, an outage or a cut that met work in flight.';
const bound =
  'The bound is the upper end of an exact interval (Clopper and Pearson, one-sided, 95 %) of the probability that one more such crash loses anything, or duplicates anything, whichever is larger; few tries leave it wide, however clean they were. Time to recover: median, largest.';

/** What must hold, what was seen, and the bounds by crash and by job. */
function certainty({ series }: TrialsAnalysis): Content[] {
  const counts = ['In flight', 'Lost by crash', 'Lost by job', 'Duplicate by crash', 'Duplicate by job'];
  return [
    {
      kind: 'table',
      table: {
        caption: 'How sure that is, by crash and by job',
        columns: [
          { label: 'Fault' },
          ...counts.map((label) => ({ label, numeric: true })),
          { label: 'Must hold', wide: true },
          { label: 'Seen', wide: true },
        ],
        rows: series.map(certaintyRow),
      },
    },
    paragraph(
      'Jobs that one crash takes are not independent of each other, so the crash is the unit, and the bound by job stands there only beside it. A trial is settled after its last crash: where it had several and lost something, the bound takes it that as many of them lost as can have. What a fault itself deletes, and what a control loses, is counted and not bounded.',
    ),
  ];
}

function certaintyRow({ series, totals, losses, duplicates, verdict, reasons }: SeriesAnalysis): string[] {
  const { label, mustHold, role, mayLose } = series;
  const seen = reasons.length === 0 ? 'nothing against it' : fewInWords(reasons);
  if (verdict === 'SKIPPED') return [label, '–', '–', '–', '–', '–', mustHold, `skipped: ${seen}`];
  const cells = (own: CrashLosses, bounded: boolean) => {
    const upTo = (probability: number) => (bounded ? `, ≤ ${formatUpperBound(probability)}` : '');
    const byJob = `${formatNumber(own.jobs)} of ${formatNumber(totals.accepted)}${upTo(own.boundByJob)}`;
    return own.crashes === 0 ? ['–', byJob] : [`${crashesInWords(own)}${upTo(own.boundByCrash)}`, byJob];
  };
  return [
    label,
    formatNumber(totals.inFlight),
    ...cells(losses, role !== 'control' && !mayLose),
    ...cells(duplicates, role !== 'control'),
    mustHold,
    seen,
  ];
}

function lossSection({ series }: TrialsAnalysis): Section {
  const shown = series.filter(({ trials }) => trials.length > 0);
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

function recoverySection({ series }: TrialsAnalysis): Section {
  const recovered = series.flatMap((own) => (own.recovery ? [{ own, recovery: own.recovery }] : []));
  if (recovered.length === 0) return { id: 'recovery', title: 'Time to recover', contents: [] };
  const chart = seriesDotsChart({
    name: 'recovery',
    title: 'Time to recover',
    description: 'Each dot is one recovery, the first at the top.',
    axis: 'from the fault to the moment that its row names',
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

function valueSection(run: TrialsRecord, { series, ratios }: TrialsAnalysis): Section {
  const contents = run.experiment.values.flatMap((value) => valueContents(value, series));
  return { id: 'values', title: 'What was measured', contents: [...contents, ...ratioContents(ratios)] };
}

function valueContents(value: ValueDefinition, series: readonly SeriesAnalysis[]): Content[] {
  const measured = series.flatMap((own) => {
    const spread = own.values.get(value.id);
    return spread ? [{ own, spread }] : [];
  });
  if (measured.length === 0) return [];
  const chart = seriesDotsChart({
    name: `value-${value.id.replaceAll('_', '-')}`,
    title: value.label,
    description: `Each dot is one trial, the first at the top.${value.better === 'neither' ? '' : ` ${value.better === 'lower' ? 'Lower' : 'Higher'} is better.`}`,
    axis: value.label,
    unit: value.unit,
    rows: measured.map(({ own, spread }) => ({
      label: own.series.label,
      role: own.series.role,
      values: own.trials.flatMap(({ values }) => values[value.id] ?? []),
      words: `median ${formatQuantity(spread.median, value.unit)} (${formatQuantity(spread.smallest, value.unit)} to ${formatQuantity(spread.largest, value.unit)})`,
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
          bound === undefined
            ? 'nothing'
            : `${bound.relation === 'at-most' ? 'at most' : 'at least'} ${formatNumber(bound.ratio)}`,
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
