import type { Analysis } from '../../analysis/analyze-run.ts';
import { metricValue } from '../../analysis/metric-value.ts';
import type { MetricDefinition, RunRecord, Slot } from '../../evidence/schema.ts';
import { rateSweepChart } from '../charts/rate-sweep-chart.ts';
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
    return value === undefined ? [] : [{ variant: slot.variant, offeredPerSecond: slot.offered, value }];
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
  const slots = run.calibration.slots.flatMap((id) => run.slots.find((slot) => slot.id === id) ?? []);
  return {
    id: 'calibration',
    title: 'How the rate was set',
    contents: [
      paragraph(
        `The arrival rate of ${formatNumber(run.offeredRatePerSecond)} reads per second was set so that the variant before holds the database near ${formatNumber(run.calibration.targetDatabaseCpuPercent)} % of a core. What came out is printed, not asserted.`,
      ),
      ...(slots.length === 0
        ? []
        : [{ kind: 'table', table: slotTable(slots, { run, analysis, offered: 'Reads/s offered' }) } as const]),
    ],
  };
}

function slotTable(
  slots: readonly Slot[],
  { run, analysis, offered }: { run: RunRecord; analysis: Analysis; offered: string },
): Table {
  const { metric } = analysis.primary;
  const latencies = run.experiment.metrics.filter(({ source }) => source.kind === 'percentile');
  const reads = perSecond('reads');
  const columns = [metric, ...latencies];
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
      { label: 'Reads/s served', numeric: true },
      ...columns.map((definition) => ({ label: labelOfRow(definition), numeric: true })),
      { label: 'Guards' },
    ],
    rows: slots.map((slot) => [
      slot.id,
      labelOfVariant(run, slot),
      formatNumber(slot.offered),
      cell(slot, reads),
      ...columns.map((definition) => cell(slot, definition)),
      guardsInWords(slot),
    ]),
  };
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
  return broken.length === 0 ? 'held' : `INVALID: ${broken.join(', ')}`;
}
