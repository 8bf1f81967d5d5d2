import type { TrialsAnalysis } from '../../analysis/analyze-trials.ts';
import { spreadOf } from '../../analysis/spread.ts';
import type { Trial, TrialsRecord } from '../../evidence/trials-schema.ts';
import { formatNumber, formatQuantity } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Section } from '../report-document.ts';
import { partSettingsContents } from './part-settings.ts';
import { facts } from './run-frame.ts';

/** Guards of the run, and what each series was asked for and did not count. */
export function trialsValiditySection({ guards }: TrialsRecord, { series }: TrialsAnalysis): Section {
  return {
    id: 'validity',
    title: 'Validity',
    contents: [
      {
        kind: 'table',
        table: {
          caption: 'Guards of the run',
          columns: [{ label: 'Guard' }, { label: 'Held' }, { label: 'Observed' }, { label: 'Limit' }],
          rows: guards
            .toSorted((a, b) => Number(a.held) - Number(b.held))
            .map(({ guard, held, observed, limit }) => [guard, held ? '✓ yes' : '✗ NO', observed, limit]),
        },
      },
      {
        kind: 'table',
        table: {
          caption: 'Trials, and faults that met no work',
          columns: [
            { label: 'Series' },
            ...['Trials', 'Asked for', 'Faults counted', 'Not counted: met no work'].map((label) => ({
              label,
              numeric: true,
            })),
            { label: 'Why it proves nothing' },
          ],
          rows: series.map(({ series: { label, trials: asked }, trials, totals, gaps, verdict }) => [
            label,
            formatNumber(trials.length),
            formatNumber(asked),
            formatNumber(totals.faults),
            formatNumber(totals.idleFaults),
            verdict === 'SKIPPED' ? 'skipped' : gaps.join('; ') || 'nothing is missing',
          ]),
        },
      },
      paragraph(
        'A fault that met no work in flight proves nothing and is not counted. A trial that could not be brought to its end is missing. A guard that did not hold, a missing trial, a series without a counted fault or a control that was not caught makes the verdict INVALID.',
      ),
    ],
  };
}

/** Every trial as it was recorded, how to draw its random choices again, and the settings that it ran with. */
export function trialSections(run: TrialsRecord, { series }: TrialsAnalysis): Section[] {
  const labels = new Map(series.map((own) => [own.series.id, own.series.label]));
  const trials = series.flatMap((own) => own.trials);
  const counts = countsOf(series);
  return [
    {
      id: 'trials',
      title: 'Every trial',
      contents: [
        paragraph(
          `The random choices of a trial are drawn from the run’s seed, its series and its number alone: SEED=${run.seed} draws them again, whatever ran before. The moments at which they meet the system are the machine’s.`,
        ),
        { kind: 'code', text: run.provenance.command },
        {
          kind: 'table',
          collapsed: true,
          table: {
            caption: `Every trial (${trials.length})`,
            columns: [
              { label: 'Series' },
              { label: 'Trial', numeric: true },
              { label: 'Started' },
              { label: 'Took', numeric: true },
              ...counts.map(({ label }) => ({ label, numeric: true })),
              { label: 'Largest time to recover', numeric: true },
              ...run.experiment.values.map(({ label }) => ({ label, numeric: true })),
              { label: 'Problems', wide: true },
            ],
            rows: trials.map((trial) => [labels.get(trial.series) ?? trial.series, ...trialCells(run, trial, counts)]),
          },
        },
      ],
    },
    {
      id: 'settings',
      title: 'Settings',
      contents: [
        {
          kind: 'table',
          table: facts('What the result depends on', [
            ['profile', run.profile.name],
            ...Object.entries(run.settings).map(
              ([name, value]) => [name, typeof value === 'number' ? formatNumber(value) : value] as const,
            ),
          ]),
        },
        ...partSettingsContents(run),
      ],
    },
  ];
}

interface TrialCount {
  readonly label: string;
  /** `undefined`: the trial is about something else. */
  readonly of: (trial: Trial) => number | undefined;
}

const jobCounts: readonly TrialCount[] = [
  { label: 'Met no work', of: ({ idleFaults }) => idleFaults },
  { label: 'In flight', of: ({ inFlight }) => inFlight },
  { label: 'Offered', of: ({ offered }) => offered },
  { label: 'Accepted', of: ({ accepted }) => accepted },
  { label: 'Stored', of: ({ stored }) => stored },
  { label: 'Dead-lettered', of: ({ deadLettered }) => deadLettered },
  { label: 'Lost', of: ({ lost }) => lost },
  { label: 'Duplicate', of: ({ duplicates }) => duplicates },
];
const readCounts: readonly TrialCount[] = [
  { label: 'Reads asked', of: ({ reads }) => reads?.asked },
  { label: 'Answered', of: ({ reads }) => reads?.answered },
  { label: 'Refused', of: ({ reads }) => reads?.refused },
  { label: 'Wrong', of: ({ reads }) => reads?.wrong },
  { label: 'Stale', of: ({ reads }) => reads?.stale },
];

/** What trials of these series count. */
function countsOf(series: TrialsAnalysis['series']): readonly TrialCount[] {
  const areReads = new Set(series.map((own) => own.series.subject === 'reads'));
  return [
    { label: 'Faults', of: ({ faults }) => faults },
    ...(areReads.has(false) ? jobCounts : []),
    ...(areReads.has(true) ? readCounts : []),
  ];
}

function trialCells({ experiment }: TrialsRecord, trial: Trial, counts: readonly TrialCount[]): string[] {
  const recovery = spreadOf(trial.recoverySeconds);
  const quantity = (value: number | undefined, unit: string): string =>
    value === undefined ? '–' : formatQuantity(value, unit);
  return [
    String(trial.trial),
    trial.startedAt,
    formatQuantity(trial.seconds, 's'),
    ...counts.map(({ of }) => quantity(of(trial), '')),
    quantity(recovery?.largest, 's'),
    ...experiment.values.map(({ id, unit }) => quantity(trial.values[id], unit)),
    trial.problems.join('; ') || 'none',
  ];
}
