import type { TrialsAnalysis } from '../../analysis/analyze-trials.ts';
import type { CrashLosses } from '../../analysis/crash-losses.ts';
import type { SeriesAnalysis } from '../../analysis/series-analysis.ts';
import { fewInWords } from '../../analysis/trials-verdict.ts';
import type { TrialsRecord } from '../../evidence/trials-schema.ts';
import { crashesInWords, seriesTables } from '../fault-table.ts';
import { formatNumber, formatUpperBound } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Content, Section } from '../report-document.ts';
import { poolHolderSection } from './pool-holders.ts';
import { timelineSection } from './timelines.ts';
import { lossSection, recoverySection, valueSection } from './trial-readings.ts';

/** What the trials say, in the order of the report. A section without anything to show is left out. */
export function seriesSections(run: TrialsRecord, analysis: TrialsAnalysis): Section[] {
  const hurt = analysis.series.some(({ series }) => series.role !== 'measured');
  const [values, table] = [valueSection(run, analysis), tableSection(analysis, hurt)];
  const course = [timelineSection(analysis), poolHolderSection(analysis)];
  return [
    failureSection(analysis),
    ...(hurt
      ? [table, ...course, lossSection(analysis), recoverySection(analysis), values, boundSection(analysis)]
      : [...course, values, table]),
  ].filter(({ contents }) => contents.length > 0);
}

/** Every series that is not as it must be, before anything else. */
function failureSection({ series }: TrialsAnalysis): Section {
  const wrong = series.filter(({ verdict }) => verdict !== 'HOLDS' && verdict !== 'CAUGHT');
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
  return {
    id: 'series',
    title: hurt ? 'Every fault' : 'Every series',
    contents: [
      ...seriesTables(analysis).map((table) => ({ kind: 'table', table }) as const),
      paragraph(hurt ? howCounted : howSettled),
      doneAndSeen(analysis),
    ],
  };
}

const howSettled =
  'Accepted is what clients were answered with 202, by a list of their own; stored, dead-lettered and lost are found by SQL when all is quiet, and add up to it.';
const howCounted = `A try is a crash, an outage or a cut that met work in flight. ${howSettled} The bound is the upper end of an exact interval (Clopper and Pearson, one-sided, 95 %) of the probability that one more such crash loses anything, or duplicates anything, whichever is larger; few tries leave it wide, however clean they were. Time to recover: median, largest.`;

function doneAndSeen({ series }: TrialsAnalysis): Content {
  const columns = [
    { label: 'Series' },
    ...['What is done', 'What must hold', 'What was seen'].map((label) => ({ label, wide: true })),
  ];
  const rows = series.map(({ series: { label, how, mustHold }, verdict, reasons }) => [
    label,
    how,
    mustHold,
    reasons.length === 0 ? verdict : `${verdict}: ${fewInWords(reasons)}`,
  ]);
  return { kind: 'table', table: { caption: 'What is done, what must hold, what was seen', columns, rows } };
}

/** Of losses and of duplicates, by crash and by job. Empty without a series about jobs. */
function boundSection({ series }: TrialsAnalysis): Section {
  const aboutJobs = series.filter((own) => own.trials.length > 0 && own.series.subject !== 'reads');
  if (aboutJobs.length === 0) return { id: 'bounds', title: 'How sure that is', contents: [] };
  const counts = ['In flight', 'Lost by crash', 'Lost by job', 'Duplicate by crash', 'Duplicate by job'];
  return {
    id: 'bounds',
    title: 'How sure that is',
    contents: [
      {
        kind: 'table',
        table: {
          caption: 'Counts and upper bounds (one-sided, 95 %), by crash and by job',
          columns: [{ label: 'Series' }, ...counts.map((label) => ({ label, numeric: true }))],
          rows: aboutJobs.map(boundRow),
        },
      },
      paragraph(
        'Jobs that one crash takes are not independent of each other, so the crash is the unit, and the bound by job stands there only beside it. A trial is settled after its last crash: where it had several and lost something, the bound takes it that as many of them lost as can have. What a fault itself deletes, and what a control loses, is counted and not bounded.',
      ),
    ],
  };
}

function boundRow({ series, totals, losses, duplicates }: SeriesAnalysis): string[] {
  const { label, role, mayLose } = series;
  const cells = (own: CrashLosses, bounded: boolean) => {
    const upTo = (probability: number) => (bounded ? `, ≤ ${formatUpperBound(probability)}` : '');
    const byJob = `${formatNumber(own.jobs)} of ${formatNumber(totals.accepted)}${upTo(own.boundByJob)}`;
    return own.crashes === 0 ? ['–', byJob] : [`${crashesInWords(own)}${upTo(own.boundByCrash)}`, byJob];
  };
  const counted = role !== 'control';
  return [label, formatNumber(totals.inFlight), ...cells(losses, counted && !mayLose), ...cells(duplicates, counted)];
}
