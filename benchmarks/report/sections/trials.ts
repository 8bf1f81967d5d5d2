import type { TrialsAnalysis } from '../../analysis/analyze-trials.ts';
import { spreadOf } from '../../analysis/spread.ts';
import type { Trial, TrialsRecord } from '../../evidence/trials-schema.ts';
import { formatNumber, formatQuantity } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Section } from '../report-document.ts';
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
  const counts = [
    'Faults',
    'Met no work',
    'In flight',
    'Offered',
    'Accepted',
    'Stored',
    'Dead-lettered',
    'Lost',
    'Duplicate',
  ];
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
              ...counts.map((label) => ({ label, numeric: true })),
              { label: 'Largest time to recover', numeric: true },
              ...run.experiment.values.map(({ label }) => ({ label, numeric: true })),
              { label: 'Problems', wide: true },
            ],
            rows: trials.map((trial) => trialRow(run, trial, labels.get(trial.series) ?? trial.series)),
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
      ],
    },
  ];
}

function trialRow({ experiment }: TrialsRecord, trial: Trial, label: string): string[] {
  const { faults, idleFaults, inFlight, offered, accepted, stored, deadLettered, lost, duplicates } = trial;
  const recovery = spreadOf(trial.recoverySeconds);
  return [
    label,
    String(trial.trial),
    trial.startedAt,
    formatQuantity(trial.seconds, 's'),
    ...[faults, idleFaults, inFlight, offered, accepted, stored, deadLettered, lost, duplicates].map((count) =>
      formatNumber(count),
    ),
    recovery === undefined ? '–' : formatQuantity(recovery.largest, 's'),
    ...experiment.values.map(({ id, unit }) => {
      const value = trial.values[id];
      return value === undefined ? '–' : formatQuantity(value, unit);
    }),
    trial.problems.join('; ') || 'none',
  ];
}
