import type { SeriesTimeline, TimelinePhase } from '../../analysis/timeline-analysis.ts';
import type { TrialsAnalysis } from '../../analysis/analyze-trials.ts';
import type { Spread } from '../../analysis/spread.ts';
import type { TimelinePanel } from '../../evidence/timeline-schema.ts';
import { timelineChart } from '../charts/timeline-chart.ts';
import { formatNumber, formatQuantity } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Content, Section, Table } from '../report-document.ts';

/** A chart for each series, its intervals in a folded table, and what each phase comes to. */
export function timelineSection({ timelines }: TrialsAnalysis): Section {
  const [first] = timelines;
  const contents = timelines.flatMap((timeline): Content[] => [
    { kind: 'chart', chart: timelineChart(timeline), table: intervalTable(timeline) },
    { kind: 'table', table: phaseTable(timeline) },
    ...worstInWords(timeline),
  ]);
  return {
    id: 'timelines',
    title: 'As time went by',
    contents: first
      ? [
          ...contents,
          paragraph(
            `Readings of ${formatQuantity(first.intervalSeconds, 's')} each. Of a phase the table gives the median over the trials, of shares with the smallest and the largest in brackets; of a rate or a level the mean of the phase’s intervals, or the largest of them. All served after: from the phase’s beginning to the end of its last interval with an answer that was not served.`,
          ),
        ]
      : [],
  };
}

/** What is charted as states has no mean. */
const countable = ({ panels }: SeriesTimeline) => panels.filter(({ panel }) => panel.form !== 'states');

function phaseTable(timeline: SeriesTimeline): Table {
  const hasAnswers = timeline.phases.some(({ answers }) => answers !== undefined);
  const values = countable(timeline).flatMap(({ panel }) =>
    panel.values.flatMap((value) => (value.answers ? [] : [{ value, panel }])),
  );
  const answerColumns = ['Answers a second', 'Served', 'Refused', 'Failed', 'All served after, s'];
  return {
    caption: `${timeline.series.label}, phase by phase`,
    columns: [
      { label: 'Phase' },
      ...[
        'From, s',
        ...(hasAnswers ? answerColumns : []),
        ...values.map(({ value, panel }) => `${labelOf(panel, value.label)}, ${panel.inPhases ?? 'mean'}`),
      ].map((label) => ({ label, numeric: true })),
    ],
    rows: timeline.phases.map((phase) => [
      phase.isFault ? `▒ ${phase.label}` : phase.label,
      formatNumber(phase.fromSeconds),
      ...(hasAnswers ? answerCells(phase) : []),
      ...values.map(({ value: { id }, panel: { unit, inPhases } }) => {
        const spread = (inPhases === 'largest' ? phase.largest : phase.means).get(id);
        return spread ? formatQuantity(spread.median, unit) : '–';
      }),
    ]),
  };
}

function answerCells({ answers }: TimelinePhase): string[] {
  if (!answers) return ['–', '–', '–', '–', '–'];
  const { perSecond, served, refused, failed, allServedAfterSeconds, restless } = answers;
  const shares = [served, refused, failed].map((share) => shareInWords(share));
  const after = formatNumber(allServedAfterSeconds.median);
  const settled =
    restless === 0
      ? after
      : restless === served.count
        ? 'never'
        : `${after}; in ${restless} of ${served.count} trials never`;
  return [formatNumber(perSecond.median), ...shares, settled];
}

/** `98 % (97 to 100)`: the range only where there is one. */
function shareInWords({ median, smallest, largest }: Spread): string {
  const [middle, low, high] = [median, smallest, largest].map((share) => formatNumber(100 * share));
  return low === high ? `${middle} %` : `${middle} % (${low} to ${high})`;
}

function intervalTable({ series, intervalSeconds, panels, phases }: SeriesTimeline): Table {
  const columns = panels.flatMap(({ panel, lines }) => lines.map((line) => ({ panel, line })));
  const intervals = Math.max(...columns.map(({ line }) => line.intervals.length));
  const phaseAt = (seconds: number) => phases.findLast(({ fromSeconds }) => fromSeconds <= seconds)?.label ?? '–';
  return {
    caption: `${series.label}, interval by interval (medians of the trials)`,
    columns: [
      { label: 'From, s' },
      { label: 'Phase' },
      ...columns.map(({ panel, line }) => ({ label: labelOf(panel, line.value.label), numeric: true })),
    ],
    rows: Array.from({ length: intervals }, (_, index) => [
      formatNumber(index * intervalSeconds),
      phaseAt((index + 0.5) * intervalSeconds),
      ...columns.map(({ panel, line }) => cellOf(panel, line.intervals[index]?.median)),
    ]),
  };
}

function cellOf({ unit, states }: TimelinePanel, value: number | undefined): string {
  if (value === undefined) return '–';
  // Of an even number of trials the median may lie between two states.
  return states ? (states[value] ?? 'differs') : formatQuantity(value, unit);
}

/** The panel's name before a value's that would not be understood without it. */
function labelOf({ label, values }: TimelinePanel, value: string): string {
  return values.length === 1 ? label : `${label}: ${value}`;
}

function worstInWords({ series, intervalSeconds, worst }: SeriesTimeline): Content[] {
  if (worst === undefined) return [];
  const { trial, atSeconds, phase, servedShare } = worst;
  const length = formatQuantity(intervalSeconds, 's');
  return [
    paragraph(
      `The worst ${length} of ${series.label}: ${formatNumber(100 * servedShare)} % of the answers were served, from ${formatNumber(atSeconds)} s on in trial ${trial} (${phase}).`,
    ),
  ];
}
