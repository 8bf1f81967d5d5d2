import { binomialUpperBound } from '../analysis/binomial-bound.ts';
import type { Evidence, Slot } from '../evidence/schema.ts';
import type { Calibration } from '../gate/calibration-record.ts';
import type { GateSlot } from '../gate/gate-record.ts';
import { countByGuard, countSlots, slotsNeeded, type TripCount } from '../protocol/guard-trips.ts';
import { formatNumber, formatUpperBound } from '../report/formats.ts';
import { rowsText } from '../report/markdown-report.ts';

const roles = ['measured', 'sweep', 'closed', 'calibration'] as const;
const wantedShare = 0.01;

/** What the tables count: runs in blocks by name, and the gate's calibration, `undefined` while none is published. */
export interface CountedEvidence {
  readonly runs: readonly Evidence[];
  readonly calibration: Calibration | undefined;
}

const slotsOf = (runs: readonly Evidence[], role: Slot['role']): readonly Slot[] =>
  runs.flatMap(({ run }) => run.slots.filter((slot) => slot.role === role));

/** Instances that were under load at the same time count once: what disturbs one disturbs all. */
function gateBlocks({ groups, gates }: Calibration): readonly { guards: GateSlot['broken']; attempt: number }[] {
  const together = (slots: readonly GateSlot[]) =>
    [...Map.groupBy(slots, ({ load, block }) => `${load} ${block}`).values()].map((own) => ({
      guards: own.flatMap(({ broken }) => broken),
      attempt: Math.max(...own.map(({ attempt }) => attempt)),
    }));
  return [
    ...groups.flatMap(({ slots }) => together(slots)),
    ...gates.flatMap(({ screen, confirmation }) => [...together(screen), ...together(confirmation)]),
  ];
}

function measuredCount({ runs, calibration }: CountedEvidence): TripCount {
  const own = countSlots(slotsOf(runs, 'measured'));
  const gate = calibration === undefined ? { judged: 0, tripped: 0 } : countSlots(gateBlocks(calibration));
  return { judged: own.judged + gate.judged, tripped: own.tripped + gate.tripped };
}

export function tripsByRole({ runs, calibration }: CountedEvidence): string {
  const line = (run: string, role: string, { judged, tripped }: TripCount): string[] => [
    run,
    role,
    String(judged),
    String(tripped),
    formatUpperBound(binomialUpperBound(tripped, judged)),
  ];
  const rowsOf = (name: string, own: readonly Evidence[]): string[][] =>
    roles.flatMap((role) => {
      const slots = slotsOf(own, role);
      return slots.length === 0 ? [] : [line(name, role, countSlots(slots))];
    });
  return rowsText({
    caption: '',
    columns: [
      { label: 'Run' },
      { label: 'Slots' },
      { label: 'Number', numeric: true },
      { label: 'Tripped', numeric: true },
      { label: 'At most, at 95 %', numeric: true },
    ],
    rows: [
      ...runs.flatMap((evidence) => rowsOf(evidence.run.id, [evidence])),
      ...(calibration === undefined
        ? []
        : [line('gate-calibration', 'blocks of all instances', countSlots(gateBlocks(calibration)))]),
      ...rowsOf('all runs', runs),
      line('all', 'measured, and blocks of the gate', measuredCount({ runs, calibration })),
    ],
  });
}

export function tripsInWords({ runs, calibration }: CountedEvidence): string {
  const count = measuredCount({ runs, calibration });
  const bound = binomialUpperBound(count.tripped, count.judged);
  const seen = `In ${count.tripped} of ${formatNumber(count.judged)} measured slots a guard tripped: at most ${formatUpperBound(bound)} at 95 %.`;
  if (bound <= wantedShare) return `${seen} That is what was wanted: at most 1 in 100.`;
  const more = slotsNeeded(count, wantedShare) - count.judged;
  return `${seen} That is not yet the 1 in 100 that is wanted: it takes ${formatNumber(more)} more without a trip to say so.`;
}

export function discardedInWords({ runs, calibration }: CountedEvidence): string {
  const counted = (slots: readonly { attempt: number }[]): string => {
    const discarded = slots.reduce((sum, { attempt }) => sum + attempt - 1, 0);
    return `${discarded} of ${formatNumber(slots.length + discarded)} attempts`;
  };
  const gate = calibration === undefined ? '' : `, and ${counted(gateBlocks(calibration))} at blocks of the gate`;
  return `${counted(runs.flatMap(({ run }) => run.slots))} were discarded so${gate}`;
}

export function tripsByGuard({ runs }: Pick<CountedEvidence, 'runs'>): string {
  const counts = roles.map((role) => countByGuard(slotsOf(runs, role)));
  const names = [...new Set(counts.flatMap((count) => [...count.keys()]))].sort();
  return rowsText({
    caption: '',
    columns: [{ label: 'Guard' }, ...roles.map((role) => ({ label: role, numeric: true }))],
    rows: names.map((name) => [
      name,
      ...counts.map((count) => {
        const own = count.get(name);
        return own === undefined ? '' : `${own.tripped} of ${own.judged}`;
      }),
    ]),
  });
}

export function gateTripsInWords({ calibration }: Pick<CountedEvidence, 'calibration'>): string {
  if (calibration === undefined) return 'No calibration of the gate is published yet.';
  const broken = gateBlocks(calibration).filter(({ guards }) => guards.length > 0);
  const names = new Set(broken.flatMap(({ guards }) => guards.map(({ guard }) => guard)));
  if (names.size === 0) return 'In the calibration of the gate no guard tripped.';
  const blocksOf = (name: string): number =>
    broken.filter(({ guards }) => guards.some(({ guard }) => guard === name)).length;
  const words = [...names]
    .sort()
    .map((name) => `${name} in ${blocksOf(name)} of ${formatNumber(gateBlocks(calibration).length)} blocks`);
  return `In the calibration of the gate these tripped: ${words.join(', ')}.`;
}
