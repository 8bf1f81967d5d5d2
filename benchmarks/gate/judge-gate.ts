import { formatChange } from '../report/formats.ts';
import { compareCounters, type CounterComparison, type CounterDifference } from './compare-counters.ts';
import { type GateLoad, gateLoads } from './counters.ts';
import { blockValues, gateMetrics } from './gate-metrics.ts';
import type { GateRecord, GateSlot } from './gate-record.ts';
import {
  type BlocksComparison,
  type BlocksFinding,
  compareBlocks,
  exceeds,
  findInConfirmation,
  gateRules,
  type GateStage,
} from './judge-blocks.ts';

export type GateVerdict = 'PASS' | 'FAIL' | 'INCONCLUSIVE' | 'INVALID';

/** INCONCLUSIVE and INVALID do not block, and do not look like a PASS either. */
export const gateExitStatus: Readonly<Record<GateVerdict, number>> = { PASS: 0, FAIL: 1, INCONCLUSIVE: 2, INVALID: 3 };

export interface GateJudgement {
  readonly verdict: GateVerdict;
  /** Why, one sentence each, the decisive ones first. */
  readonly reasons: readonly string[];
  /** Absent when the gate ended before it had counted. */
  readonly counters?: CounterComparison;
}

/** From what was seen alone: the same record gives the same verdict. */
export function judgeGate(record: GateRecord): GateJudgement {
  const { counters, brokenBy } = record;
  if (counters === undefined) return invalid([brokenBy ?? 'nothing was counted']);
  const compared = compareCounters(counters.expected, counters.head);
  const ofHead = aboveBecauseOfHead(record, compared);
  if (ofHead.length > 0) return { verdict: 'FAIL', reasons: ofHead.map(describeDifference), counters: compared };
  if (compared.above.length > 0) {
    return invalid(
      [
        'the base is above the expectations in the very same counters: renew them with `make gate-expect`',
        ...compared.above.map(describeDifference),
      ],
      compared,
    );
  }
  if (brokenBy !== undefined) return invalid([brokenBy], compared);
  return { ...judgeLoads(record), counters: compared };
}

const invalid = (reasons: readonly string[], counters?: CounterComparison): GateJudgement => ({
  verdict: 'INVALID',
  reasons,
  ...(counters && { counters }),
});

/** What the base exceeds by as much is no news of the head. */
function aboveBecauseOfHead({ counters }: GateRecord, { above }: CounterComparison): readonly CounterDifference[] {
  if (counters === undefined) return [];
  const inBase = compareCounters(counters.expected, counters.base).above;
  return above.filter(
    ({ load, counter, name, observed }) =>
      !inBase.some(
        (own) => own.load === load && own.counter === counter && own.name === name && own.observed >= observed,
      ),
  );
}

export function describeDifference({ load, counter, name, expected, observed }: CounterDifference): string {
  const count = (value: number): string => value.toLocaleString('en');
  return `${load}: ${counter} ${name}: ${count(observed)}, ${count(expected)} expected`;
}

function judgeLoads(record: GateRecord): Pick<GateJudgement, 'verdict' | 'reasons'> {
  const judged = gateLoads.map((load) => ({ load, ...judgeLoad(record, load) }));
  const reasonsOf = (verdict: GateVerdict): string[] =>
    judged.filter((of) => of.verdict === verdict).map(({ load, reason }) => `${load}: ${reason}`);
  const worst = (['FAIL', 'INVALID', 'INCONCLUSIVE', 'PASS'] as const).find((one) => reasonsOf(one).length > 0);
  const others = judged.filter(({ verdict }) => verdict !== worst).map(({ load, reason }) => `${load}: ${reason}`);
  return { verdict: worst ?? 'INVALID', reasons: [...reasonsOf(worst ?? 'INVALID'), ...others] };
}

const verdicts: Readonly<Record<BlocksFinding, readonly [GateVerdict, string]>> = {
  'not-flagged': ['PASS', 'the screen found no loss of 3 % or more'],
  'not-confirmed': ['PASS', 'the screen flagged a loss, and 12 fresh blocks did not find it'],
  unclear: ['INCONCLUSIVE', 'a loss may be there: 12 fresh blocks neither confirmed nor dismissed it'],
  'control-broken': [
    'INCONCLUSIVE',
    'a loss was found, but a second instance of the base differs from the base as well',
  ],
  regression: ['FAIL', 'the loss of CPU was confirmed in 12 fresh blocks, with a clean control'],
};

interface JudgedLoad {
  readonly verdict: GateVerdict;
  readonly reason: string;
}

function judgeLoad({ screen, confirmation }: GateRecord, load: GateLoad): JudgedLoad {
  const screened = compareJudgedMetric(screen, load, 'screen');
  if (typeof screened === 'string') return { verdict: 'INVALID', reason: screened };
  if (!exceeds(screened, 'screen')) return judgedLoad('not-flagged', screened);
  const wasRun = confirmation.some((slot) => slot.load === load);
  if (!wasRun && confirmation.length > 0) {
    return { verdict: 'INCONCLUSIVE', reason: 'flagged by the screen; the other load’s loss was confirmed first' };
  }
  const confirmed = compareJudgedMetric(confirmation, load, 'confirmation');
  if (typeof confirmed === 'string') return { verdict: 'INVALID', reason: confirmed };
  return judgedLoad(findInConfirmation(confirmed), confirmed);
}

function judgedLoad(finding: BlocksFinding, { ratio }: BlocksComparison): JudgedLoad {
  const [verdict, reason] = verdicts[finding];
  return { verdict, reason: `${reason} (${formatChange(ratio)})` };
}

/** The comparison, or why there is none. */
function compareJudgedMetric(slots: readonly GateSlot[], load: GateLoad, stage: GateStage): BlocksComparison | string {
  const own = slots.filter((slot) => slot.load === load);
  const broken = own.flatMap((slot) => slot.broken.map((outcome) => ({ ...outcome, slot })));
  const [first] = broken;
  if (first !== undefined) {
    const { slot, guard, observed, limit } = first;
    return `${guard} in block ${slot.block}, ${slot.variant}: ${observed}, ${limit}${more(broken.length - 1)}`;
  }
  const blocks = blockValues(own, load, gateMetrics[0]);
  const { blocks: planned } = gateRules[stage];
  const comparison = blocks.length === planned ? compareBlocks(blocks, stage) : undefined;
  return comparison ?? `${blocks.length} of ${planned} blocks of the ${stage} are there`;
}

const more = (count: number): string => (count === 0 ? '' : `, and ${count} more`);

/** Loads that the screen flagged, the one with the larger loss first: what has to be confirmed. */
export function flaggedLoads(screen: readonly GateSlot[]): readonly GateLoad[] {
  return gateLoads
    .flatMap((load) => {
      const compared = compareJudgedMetric(screen, load, 'screen');
      return typeof compared !== 'string' && exceeds(compared, 'screen')
        ? [{ load, loss: compared.ratio.estimate }]
        : [];
    })
    .toSorted((one, other) => other.loss - one.loss)
    .map(({ load }) => load);
}
