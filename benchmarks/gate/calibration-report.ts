import { binomialUpperBound } from '../analysis/binomial-bound.ts';
import { median } from '../analysis/signed-rank.ts';
import { formatNumber, formatShare, formatUpperBound } from '../report/formats.ts';
import type { Calibration, CalibrationGroup } from './calibration-record.ts';
import { type GateLoad, gateLoads } from './counters.ts';
import { blockValues, type GateMetric, gateMetrics } from './gate-metrics.ts';
import { markdownTable, type Table } from './gate-table.ts';
import { gateRules } from './judge-blocks.ts';
import { judgeGate } from './judge-gate.ts';
import { type RecordedBlock, type SimulatedRate, simulatedRates } from './simulated-gates.ts';

/** Blocks of one load that the same processes served. */
type BlockGroup = Pick<CalibrationGroup, 'load' | 'plantedLoss' | 'slots'>;

/** The blocks of a group as log-ratios; undefined when a guard did not hold in it, or a slot is missing. */
export function recordedBlocks({ slots, load }: BlockGroup, metric: GateMetric): RecordedBlock[] | undefined {
  if (slots.some(({ broken }) => broken.length > 0)) return undefined;
  const blocks = blockValues(slots, load, metric).map(({ base, head, control }) => {
    return { head: Math.log(head / base), ...(control !== undefined && { control: Math.log(control / base) }) };
  });
  return blocks.length === gateRules.blocksBetweenRestarts ? blocks : undefined;
}

/** Every screen of a whole gate, whatever its verdict: A/A blocks, too. Confirmations were chosen by what screens saw. */
function screenedGroups(gates: Calibration['gates']): BlockGroup[] {
  return gates.flatMap(({ screen }) =>
    gateLoads.flatMap((load) => {
      const groups = Map.groupBy(
        screen.filter((slot) => slot.load === load),
        ({ block }) => Math.ceil(block / gateRules.blocksBetweenRestarts),
      );
      return [...groups.values()].map((slots) => ({ load, plantedLoss: 0, slots }));
    }),
  );
}

/** What a calibration says, the same for the same evidence: Markdown. */
export interface CalibrationSummary {
  /** In full. */
  readonly document: string;
  /** A paragraph, to be quoted. */
  readonly quotation: string;
}

export function summarizeCalibration(calibration: Calibration): CalibrationSummary {
  const { gates } = calibration;
  const groups: readonly BlockGroup[] = [...calibration.groups, ...screenedGroups(gates)];
  const valid = groups.filter((group) => recordedBlocks(group, gateMetrics[0]) !== undefined);
  const simulated = simulateAll(valid);
  return {
    document: documentOf(calibration, { valid, groups: groups.length, simulated }),
    quotation: `${wholeGates(gates)} ${simulatedInWords(simulated)}`,
  };
}

interface Judged {
  readonly valid: readonly BlockGroup[];
  /** Valid or not. */
  readonly groups: number;
  readonly simulated: readonly SimulatedKind[];
}

function documentOf({ conditions, gates }: Calibration, { valid, groups, simulated }: Judged): string {
  const { cores, cpuModel, kernel } = conditions.fingerprint;
  return [
    '# How far the gate can be trusted',
    '',
    `Commit ${conditions.commit.slice(0, 12)} held against itself on ${cores} × ${cpuModel}, ${kernel}; seed ${conditions.seed}. ` +
      `${valid.length} of ${groups} groups of ${gateRules.blocksBetweenRestarts} blocks count; in the others a guard did not hold.`,
    '',
    '## Whole gates of the same code',
    '',
    wholeGates(gates),
    '',
    '## Simulated gates',
    '',
    'Gates that might have been: each is drawn with replacement from recorded groups of blocks (those that the same processes served; the screens of the whole gates above are among those of the same code), and judged by the gate’s own rules. In brackets the 95 % interval of a bootstrap over the groups: it says how far so few groups can be trusted. Simulated gates know only what was recorded.',
    '',
    ...markdownTable(simulatedTable(simulated)),
    '',
    '## Noise of like against like',
    '',
    'Standard deviation of a block’s head / base when both are the same code, and of the control / base. What is judged has to be far below its limit of 5 %; latency and throughput are shown, and do not gate.',
    '',
    ...markdownTable(noiseTable(valid)),
    '',
    'Again: `make gate-calibrate` goes on where it was interrupted; `calibration.ndjson` has every slot.',
    '',
  ].join('\n');
}

function wholeGates(gates: Calibration['gates']): string {
  if (gates.length === 0) return 'None was run.';
  const judged = gates.map((gate) => judgeGate(gate).verdict);
  const count = (verdict: string): number => judged.filter((one) => one === verdict).length;
  const minutes = gates.map(({ startedAt, endedAt }) => (Date.parse(endedAt) - Date.parse(startedAt)) / 60_000);
  const alarms = count('FAIL');
  return (
    `${gates.length} real gates: ${count('PASS')} PASS, ${alarms} FAIL, ${count('INCONCLUSIVE')} INCONCLUSIVE, ${count('INVALID')} INVALID, ` +
    `in ${formatNumber(Math.min(...minutes), 2)} to ${formatNumber(Math.max(...minutes), 2)} minutes, set-up included. ` +
    `False alarms: ${alarms} of ${gates.length}, ${formatUpperBound(binomialUpperBound(alarms, gates.length))} at most at 95 % (Clopper and Pearson).`
  );
}

const losses = (groups: readonly Pick<BlockGroup, 'plantedLoss'>[]): number[] =>
  [...new Set(groups.map(({ plantedLoss }) => plantedLoss))].toSorted((one, other) => one - other);

/** Recorded blocks of one load and loss, and what gates would make of them. */
interface SimulatedKind {
  readonly load: GateLoad;
  readonly loss: number;
  readonly blocks: number;
  /** head / base less 1, the median of the blocks. */
  readonly seen: number;
  readonly rates: ReturnType<typeof simulatedRates>;
}

function simulateAll(groups: readonly BlockGroup[]): readonly SimulatedKind[] {
  return gateLoads.flatMap((load) =>
    losses(groups).flatMap((loss) => {
      const own = groups.filter((group) => group.load === load && group.plantedLoss === loss);
      const blocks = own.flatMap((group) => {
        const recorded = recordedBlocks(group, gateMetrics[0]);
        return recorded === undefined ? [] : [recorded];
      });
      if (!blocks.some((group) => group.every(({ control }) => control !== undefined))) return [];
      const seen = Math.expm1(median(blocks.flat().map(({ head }) => head)));
      return [{ load, loss, blocks: blocks.flat().length, seen, rates: simulatedRates(blocks) }];
    }),
  );
}

const printRate = ({ share, lower, upper }: SimulatedRate): string =>
  `${formatShare(share)} [${formatShare(lower)}, ${formatShare(upper)}]`;

function simulatedTable(simulated: readonly SimulatedKind[]): Table {
  const rows = simulated.map(({ load, loss, blocks, seen, rates }) => [
    load,
    loss === 0 ? 'none' : formatShare(loss),
    `${formatNumber(100 * seen, 2)} %`,
    String(blocks),
    printRate(rates.fail),
    printRate(rates.inconclusive),
  ]);
  return [['Load', 'CPU burned for nothing', 'Seen, median of the blocks', 'Blocks', 'FAIL', 'INCONCLUSIVE'], ...rows];
}

function simulatedInWords(simulated: readonly SimulatedKind[]): string {
  const kinds = losses(simulated.map(({ loss }) => ({ plantedLoss: loss }))).map((loss) => {
    const own = simulated.filter((kind) => kind.loss === loss);
    const rates = own.map(({ load, rates: { fail } }) => `${printRate(fail)} (${load})`).join(', ');
    return `${loss === 0 ? 'without a loss' : `with ${formatShare(loss)} of its CPU burned for nothing`} ${rates}`;
  });
  const blocks = simulated.reduce((sum, kind) => sum + kind.blocks, 0);
  return `Gates simulated from ${blocks} recorded blocks FAIL a head ${kinds.join('; ')}.`;
}

function noiseTable(groups: readonly BlockGroup[]): Table {
  const rows = gateLoads.flatMap((load) =>
    gateMetrics.flatMap((metric) => {
      const blocks = groups
        .filter((group) => group.load === load && group.plantedLoss === 0)
        .flatMap((group) => recordedBlocks(group, metric) ?? []);
      if (blocks.filter(({ control }) => control !== undefined).length < 2) return [];
      const deviation = (of: keyof RecordedBlock): string =>
        formatShare(standardDeviation(blocks.flatMap((block) => block[of] ?? [])));
      return [[load, metric.label, String(blocks.length), deviation('head'), deviation('control')]];
    }),
  );
  return [['Load', 'Metric', 'Blocks', 'head / base', 'control / base'], ...rows];
}

function standardDeviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
