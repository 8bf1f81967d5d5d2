import type { TrialsAnalysis } from '../../analysis/analyze-trials.ts';
import type { CrashLosses } from '../../analysis/crash-losses.ts';
import type { SeriesAnalysis } from '../../analysis/series-analysis.ts';
import { fewInWords } from '../../analysis/trials-verdict.ts';
import type { TrialsRecord } from '../../evidence/trials-schema.ts';
import { crashesInWords, seriesTables } from '../fault-table.ts';
import { formatNumber, formatUpperBound } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Content, Section } from '../report-document.ts';
import { countsInWords } from '../trials-sentence.ts';
import { poolHolderSection } from './pool-holders.ts';
import { timelineSection } from './timelines.ts';
import { lossSection, recoverySection, valueOverview, valueSection } from './trial-readings.ts';

/** What the trials say, in the order of the report. A section without anything to show is left out. */
export function seriesSections(run: TrialsRecord, analysis: TrialsAnalysis): Section[] {
  const hurt = analysis.series.some(({ series }) => series.role !== 'measured');
  const [values, table] = [valueSection(run, analysis), tableSection(run, analysis, hurt)];
  const course = [timelineSection(analysis), poolHolderSection(analysis)];
  return [
    failureSection(analysis),
    ...(hurt
      ? [lossSection(analysis), table, ...course, recoverySection(analysis), values, boundSection(analysis)]
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

function tableSection(run: TrialsRecord, analysis: TrialsAnalysis, hurt: boolean): Section {
  return {
    id: 'series',
    title: hurt ? 'Every fault' : 'Every series',
    contents: [
      ...seriesTables(analysis).map((table) => ({ kind: 'table', table }) as const),
      ...valueOverview(run, analysis),
      ...howCounted(analysis, hurt).map(paragraph),
      doneAndSeen(analysis),
    ],
  };
}

/** The words of the columns, as far as there are series about them. */
function howCounted({ series }: TrialsAnalysis, hurt: boolean): string[] {
  const areReads = new Set(series.map((own) => own.series.subject === 'reads'));
  return [
    ...(areReads.has(false) ? [hurt ? `${aTryOnJobs} ${howSettled} ${theBound}` : howSettled] : []),
    ...(areReads.has(true) ? [howRead] : []),
  ];
}

const howSettled =
  'Accepted is what clients were answered with 202, by a list of their own; stored, dead-lettered and lost are found by SQL when all is quiet, and add up to it.';
const aTryOnJobs = 'A try is a crash, an outage or a cut that met work in flight.';
const theBound =
  'The bound is the upper end of an exact interval (Clopper and Pearson, one-sided, 95 %) of the probability that one more such crash loses anything, or duplicates anything, whichever is larger; few tries leave it wide, however clean they were. Time to recover: median, largest.';
const howRead =
  'Of reads a try is an outage that met some, or one of the writes beside them. Answered is 200 with the right body, and no older version than a writer was answered before the read began; refused is 503 with Retry-After; wrong is any other answer, or none; stale is an older version. Slowest: of all but the refused. P99: what the fault adds to it in its first second, and later. Time to recover: median, largest.';

function doneAndSeen({ series }: TrialsAnalysis): Content {
  const columns = [
    { label: 'Series' },
    ...['What is done', 'What must hold', 'What was seen'].map((label) => ({ label, wide: true })),
  ];
  const rows = series.map((own) => {
    const {
      series: { label, how, mustHold },
      verdict,
      reasons,
      trials,
    } = own;
    return [
      label,
      how,
      mustHold,
      reasons.length > 0
        ? `${verdict}: ${fewInWords(reasons)}`
        : `${verdict}${trials.length > 0 ? `. ${countsInWords(own)}` : ''}`,
    ];
  });
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
