import type { CounterComparison } from './compare-counters.ts';
import type { GateRecord } from './gate-record.ts';
import { markdownTable, metricTable, terminalTable } from './gate-table.ts';
import { describeDifference, type GateJudgement } from './judge-gate.ts';

const marks = { PASS: '✅', FAIL: '❌', INCONCLUSIVE: '❔', INVALID: '⚠️' } as const;
const shortCommit = 12;
const mostLines = 12;

function comparedRefs({ base, head }: GateRecord): string {
  const side = ({ ref, commit }: GateRecord['base']): string => {
    const short = commit.slice(0, shortCommit);
    return commit.startsWith(ref) ? short : `${ref} (${short})`;
  };
  return `${side(head)} against ${side(base)}`;
}

/** What the counters say beside a FAIL, whose lines are the reasons. */
function counterLines({ verdict, counters }: Pick<GateJudgement, 'verdict' | 'counters'>): string[] {
  if (counters === undefined) return ['Exact counters: not read.'];
  const { above, below, rewritten } = counters;
  const changed = [
    ...notes(below, 'below the expectations'),
    ...(rewritten.length === 0 ? [] : [rewrittenNote(rewritten)]),
  ];
  const held = above.length === 0 ? ['Exact counters: none above its expectation.'] : [];
  const renew =
    changed.length > 0 && verdict !== 'FAIL' ? ['`make gate-expect` writes them down, so that they stay.'] : [];
  return [...held, ...changed, ...renew];
}

function notes(differences: CounterComparison['below'], what: string): string[] {
  if (differences.length === 0) return [];
  const shown = differences.slice(0, 3).map(describeDifference).join('; ');
  return [`${differences.length} counters ${what}: ${shown}${differences.length > 3 ? '; …' : ''}.`];
}

const rewrittenNote = (texts: readonly string[]): string =>
  `Statements in other words than expected, and not more of them: ${texts.length}.`;

const planted = ({ plantedCpuLoss }: GateRecord): string[] =>
  plantedCpuLoss === undefined ? [] : [`Planted: the head burns ${100 * plantedCpuLoss} % of its CPU for nothing.`];

function firstReasons(reasons: readonly string[]): string[] {
  const hidden = reasons.length - mostLines;
  return [...reasons.slice(0, mostLines), ...(hidden > 0 ? [`and ${hidden} more`] : [])];
}

const minutes = ({ startedAt, endedAt }: GateRecord): string =>
  ((Date.parse(endedAt) - Date.parse(startedAt)) / 60_000).toFixed(1);

const machine = ({ fingerprint }: GateRecord): string =>
  `${fingerprint.cores} × ${fingerprint.cpuModel}, both commits under the same load at the same time`;

/** Short enough for a comment on a pull request. */
export function gateMarkdown(record: GateRecord, judgement: GateJudgement): string {
  const table = markdownTable(metricTable(record));
  return [
    `### ${marks[judgement.verdict]} Gate: ${judgement.verdict}`,
    '',
    `${comparedRefs(record)}, ${minutes(record)} minutes, set-up included.`,
    '',
    ...[...planted(record), ...firstReasons(judgement.reasons)].map((reason) => `- ${reason}`),
    '',
    ...counterLines(judgement),
    '',
    ...(table.length === 0 ? [] : [...table, '']),
    `Seed ${record.seed}; ${machine(record)}. CPU decides: 6 blocks screen (p ≤ 0.10 and 3 % or more), 12 fresh ones confirm (p ≤ 0.005, 5 % or more, the control clean).`,
    '',
  ].join('\n');
}

export function gateTerminalLines(record: GateRecord, judgement: GateJudgement): string[] {
  return [
    '',
    ...terminalTable(metricTable(record)),
    '',
    `${judgement.verdict}: ${comparedRefs(record)}, ${minutes(record)} minutes`,
    ...[...planted(record), ...firstReasons(judgement.reasons), ...counterLines(judgement)].map((line) => `  ${line}`),
  ];
}
