import type { Analysis } from '../../analysis/analyze-run.ts';
import { metricValue } from '../../analysis/metric-value.ts';
import { servedLoad } from '../../analysis/served-load.ts';
import type { MetricDefinition, RunRecord, Slot } from '../../evidence/schema.ts';
import { rateSweepChart } from '../charts/rate-sweep-chart.ts';
import { calibratedRange } from '../calibration-warnings.ts';
import { formatNumber, formatQuantity, labelOfRow, unitOfCell } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Section, Table } from '../report-document.ts';
import { withChart } from './measurements.ts';

/** The slots that enter no test: the rate sweep, the closed run, the calibration. */
export function otherSlotSections(run: RunRecord, analysis: Analysis): Section[] {
  return [sweepSection(run, analysis), closedSection(run, analysis), calibrationSection(run, analysis)].filter(
    ({ contents }) => contents.length > 0,
  );
}

function sweepSection(run: RunRecord, analysis: Analysis): Section {
  const slots = run.slots.filter(({ role }) => role === 'sweep');
  const { metric } = analysis.primary;
  const points = slots.flatMap((slot) => {
    const value = valueOf(slot, metric, analysis);
    if (value === undefined) return [];
    const load = servedLoad(slot, analysis.readings.get(slot.id));
    return [{ variant: slot.variant, offeredPerSecond: slot.offered, value, ...load }];
  });
  const chart = points.length > 0 ? rateSweepChart(run, metric, points) : undefined;
  const table = slotTable(slots, { run, analysis, offered: 'Reads/s offered' });
  return { id: 'rate-sweep', title: 'Other rates', contents: slots.length === 0 ? [] : withChart(chart, table) };
}

function closedSection(run: RunRecord, analysis: Analysis): Section {
  const slots = run.slots.filter(({ role }) => role === 'closed');
  const users = formatNumber(Math.max(0, ...slots.map(({ offered }) => offered)));
  const { metric } = analysis.primary;
  const beside = slots.flatMap((slot) => {
    const closed = valueOf(slot, metric, analysis);
    const open = analysis.primary[slot.variant]?.estimate;
    if (closed === undefined || open === undefined) return [];
    const figures = `${formatQuantity(closed, metric.unit)} with ${users} users, ${formatQuantity(open, metric.unit)} at the fixed rate`;
    const apart = metric.unit.startsWith('%') ? `: ${Math.abs(closed - open).toFixed(1)} points apart` : '';
    return [`${labelOfVariant(run, slot)}: ${figures}${apart}.`];
  });
  return {
    id: 'closed',
    title: `${users} users`,
    contents:
      slots.length === 0
        ? []
        : [
            paragraph(
              `${users} virtual users who think between requests: a closed model, which tells a story and enters no test, because a faster variant is asked for more.`,
            ),
            { kind: 'table', table: slotTable(slots, { run, analysis, offered: 'Virtual users' }) },
            { kind: 'list', items: beside },
          ],
  };
}

function calibrationSection(run: RunRecord, analysis: Analysis): Section {
  const { calibration } = run;
  const [id, title] = ['calibration', 'How the rate was set'];
  const rate = `The arrival rate of ${formatNumber(run.offeredRatePerSecond)} reads per second`;
  if (calibration === undefined) {
    return { id, title, contents: [paragraph(`${rate} is the experiment’s own: nothing was calibrated.`)] };
  }
  const slots = calibration.slots.flatMap((id) => run.slots.find((slot) => slot.id === id) ?? []);
  return {
    id,
    title,
    contents: [
      paragraph(
        `${rate} was set so that the variant before holds the database near ${formatNumber(calibration.targetDatabaseCpuPercent)} % of a core. ${
          calibration.met ? 'The target was met' : 'The target was NOT met'
        }: the median of the slots that confirm the rate lay ${calibration.met ? 'within' : 'outside'} ${calibratedRange(calibration)}.`,
      ),
      ...(slots.length === 0
        ? []
        : [{ kind: 'table', table: slotTable(slots, { run, analysis, offered: 'Reads/s offered' }) } as const]),
    ],
  };
}

/** Single slots with the claim's metric, their latencies and their guards. */
export function slotTable(
  slots: readonly Slot[],
  { run, analysis, offered }: { run: RunRecord; analysis: Analysis; offered: string },
): Table {
  const { metric } = analysis.primary;
  const latencies = run.experiment.metrics.filter(({ source }) => source.kind === 'percentile');
  const reads = perSecond('reads');
  const columns = [metric, ...latencies];
  const open = slots.every(({ role }) => role !== 'closed');
  const cell = (slot: Slot, definition: MetricDefinition) => {
    const value = valueOf(slot, definition, analysis);
    return value === undefined ? 'not measured' : formatQuantity(value, unitOfCell(definition.unit));
  };
  return {
    caption: 'Single slots: no interval',
    columns: [
      { label: 'Slot' },
      { label: 'Variant' },
      { label: offered, numeric: true },
      { label: 'Reads/s achieved', numeric: true },
      ...(open ? [{ label: 'Served' }] : []),
      ...columns.map((definition) => ({ label: labelOfRow(definition), numeric: true })),
      { label: 'Guards' },
    ],
    rows: slots.map((slot) => [
      slot.id,
      labelOfVariant(run, slot),
      formatNumber(slot.offered),
      cell(slot, reads),
      ...(open ? [servedInWords(slot, analysis)] : []),
      ...columns.map((definition) => cell(slot, definition)),
      guardsInWords(slot),
    ]),
  };
}

function servedInWords(slot: Slot, { readings }: Analysis): string {
  const { served, achievedPerSecond, failedRequests } = servedLoad(slot, readings.get(slot.id));
  if (served) return '✓ yes';
  if (achievedPerSecond === undefined || failedRequests === undefined) return '✗ NO: not recorded';
  const share = ((100 * achievedPerSecond) / slot.offered).toFixed(1);
  return `✗ NO: ${share} %, ${formatNumber(failedRequests)} failed`;
}

function perSecond(sample: string): MetricDefinition {
  const source = { kind: 'ratio' as const, numerator: [sample], denominator: ['window_seconds'], scale: 1 };
  return { id: sample, label: sample, unit: '', better: 'neither', role: 'shown', source };
}

function valueOf(slot: Slot, definition: MetricDefinition, { readings }: Analysis): number | undefined {
  const own = readings.get(slot.id);
  const found = own && metricValue(definition.source, own);
  return found && 'value' in found ? found.value : undefined;
}

function labelOfVariant({ experiment }: RunRecord, { variant }: Slot): string {
  return experiment.variants[variant === 'before' ? 0 : 1].label;
}

function guardsInWords({ guards }: Slot): string {
  const broken = guards.filter(({ held }) => !held).map(({ guard, observed }) => `${guard} (${observed})`);
  const count = `${guards.length - broken.length} of ${guards.length} held`;
  return broken.length === 0 ? count : `INVALID: ${count}; ${broken.join(', ')}`;
}
