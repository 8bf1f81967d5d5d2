import type { GuardOutcome, RunRecord } from '../../evidence/schema.ts';
import { paragraph } from '../report-document.ts';
import type { Section } from '../report-document.ts';

interface Placed extends GuardOutcome {
  readonly place: string;
}

/** Every guard: what was seen, what would have been accepted, whether it held; broken ones first. */
export function validitySection(run: RunRecord): Section {
  const outcomes: Placed[] = [
    ...run.guards.map((outcome) => ({ ...outcome, place: 'run' })),
    ...run.slots.flatMap(({ id, guards }) => guards.map((outcome) => ({ ...outcome, place: id }))),
  ];
  const names = [...new Set(outcomes.map(({ guard }) => guard))];
  const rows = names
    .map((name) => outcomes.filter(({ guard }) => guard === name))
    .sort((a, b) => broken(b).length - broken(a).length)
    .map((own) => [
      own[0]?.guard ?? '',
      heldInWords(own),
      observedInWords(own),
      distinct(own.map(({ limit }) => limit)),
    ]);
  const repeated = run.slots.filter(({ attempt }) => attempt > 1);
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
      paragraph(
        repeated.length === 0
          ? 'No slot was repeated.'
          : `Repeated because of foreign load, without a look at the result: ${repeated.map(({ id, attempt }) => `${id} (${attempt - 1} time${attempt === 2 ? '' : 's'})`).join(', ')}.`,
      ),
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
