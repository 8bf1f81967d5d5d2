import type { Analysis } from '../../analysis/analyze-run.ts';
import type { GuardOutcome, RunRecord } from '../../evidence/schema.ts';
import { guardKind } from '../guard-kinds.ts';
import { paragraph } from '../report-document.ts';
import type { Content, Section } from '../report-document.ts';
import { slotTable } from './other-slots.ts';

interface Placed extends GuardOutcome {
  readonly place: string;
}

/** Every guard: what was seen, what would have been accepted, whether it held; broken ones first. */
export function validitySection(run: RunRecord, analysis: Analysis): Section {
  const outcomes: Placed[] = [
    ...run.guards.map((outcome) => ({ ...outcome, place: 'run' })),
    ...run.slots.flatMap(({ id, guards }) => guards.map((outcome) => ({ ...outcome, place: id }))),
  ];
  const rows = [...Map.groupBy(outcomes, ({ guard }) => guardKind(guard)).entries()]
    .sort(([, a], [, b]) => broken(b).length - broken(a).length)
    .map(([kind, own]) => [kind, heldInWords(own), observedInWords(own), distinct(own.map(({ limit }) => limit))]);
  return {
    id: 'validity',
    title: 'Validity',
    contents: [
      {
        kind: 'table',
        table: {
          caption: 'Guards, over all slots and the run',
          columns: [{ label: 'Guard' }, { label: 'Held' }, { label: 'Observed' }, { label: 'Limit' }],
          rows,
        },
      },
      ...repeatedContents(run, analysis),
      paragraph(
        'One guard that did not hold anywhere makes the verdict INVALID. Which guards a slot has to pass is declared by the experiment, for each role of slots.',
      ),
      {
        kind: 'table',
        collapsed: true,
        table: {
          caption: `Every outcome (${outcomes.length})`,
          columns: [
            { label: 'Where' },
            { label: 'Guard' },
            { label: 'Held' },
            { label: 'Observed' },
            { label: 'Limit' },
          ],
          rows: outcomes.map(({ place, guard, held, observed, limit }) => [
            place,
            guard,
            heldMark(held),
            observed,
            limit,
          ]),
        },
      },
    ],
  };
}

/** Which slots were made again, and what the attempts before have measured, where the evidence has kept it. */
function repeatedContents(run: RunRecord, analysis: Analysis): Content[] {
  const repeated = run.slots.filter(({ attempt }) => attempt > 1);
  if (repeated.length === 0) return [paragraph('No slot was repeated.')];
  const times = repeated.map(({ id, attempt }) => `${id} (${attempt - 1} time${attempt === 2 ? '' : 's'})`).join(', ');
  const { discarded } = run;
  const attempts = repeated.flatMap((slot) => [
    ...(discarded?.filter(({ id }) => id.startsWith(`${slot.id}-attempt-`)) ?? []),
    slot,
  ]);
  return [
    paragraph(`Repeated because of foreign load, without a look at the result: ${times}.`),
    ...(discarded === undefined
      ? []
      : [
          {
            kind: 'table',
            collapsed: true,
            table: {
              ...slotTable(attempts, { run, analysis, offered: 'Offered' }),
              caption: `What was left out: ${discarded.length} attempt${discarded.length === 1 ? '' : 's'}, each above the one that stands`,
            },
          } as const,
        ]),
  ];
}

function broken(outcomes: readonly Placed[]): readonly Placed[] {
  return outcomes.filter(({ held }) => !held);
}

function heldMark(held: boolean): string {
  return held ? '✓ yes' : '✗ NO';
}

function heldInWords(outcomes: readonly Placed[]): string {
  const held = outcomes.length - broken(outcomes).length;
  const places = outcomes.length === 1 && outcomes[0]?.place === 'run' ? '' : ` (${held} of ${outcomes.length})`;
  return heldMark(held === outcomes.length) + places;
}

function observedInWords(outcomes: readonly Placed[]): string {
  const failed = broken(outcomes);
  if (failed.length > 0) return distinct(failed.map(({ place, observed }) => `${place}: ${observed}`));
  return distinct(outcomes.map(({ observed }) => observed));
}

/** Up to three different texts, and how many there are. */
function distinct(texts: readonly string[]): string {
  const different = [...new Set(texts)];
  const shown = different.slice(0, 3).join('; ');
  return different.length > 3 ? `${shown}; and ${different.length - 3} more below` : shown;
}
