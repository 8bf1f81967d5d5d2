import { median } from '../analysis/signed-rank.ts';
import type { Evidence } from '../evidence/schema.ts';
import { formatNumber, formatQuantity } from '../report/formats.ts';
import { rowsText } from '../report/markdown-report.ts';
import { shareOff } from '../selftest/cpu-calibration.ts';
import type { ProbeFigures, ReadingCost } from './probe-figures.ts';

const engineNames = { postgres: 'PostgreSQL', sqlite: 'SQLite' } as const;
const engines = ['postgres', 'sqlite'] as const;

/** How right the database's CPU was read: a row for each engine. */
export function describeCalibrations({ calibrations }: Pick<ProbeFigures, 'calibrations'>): string {
  const percent = (share: number): string => `${share < 0 ? '−' : '+'}${(100 * Math.abs(share)).toFixed(2)}`;
  return rowsText({
    caption: '',
    columns: [
      { label: 'Engine' },
      { label: 'Rounds', numeric: true },
      { label: 'Burned, s', numeric: true },
      { label: 'Probe off by, %', numeric: true },
      { label: 'Second source off by, %', numeric: true },
      { label: 'Read while none burned, s', numeric: true },
    ],
    rows: engines.map((engine) => {
      const own = calibrations.filter((calibration) => calibration.engine === engine);
      const off = (reader: string): string =>
        withRange(
          own.map((calibration) => shareOff(calibration, reader)),
          percent,
        );
      return [
        engineNames[engine],
        String(own.length),
        withRange(
          own.map(({ known }) => known),
          (seconds) => seconds.toFixed(2),
        ),
        off('database_cpu_seconds'),
        off('database_cpu_seconds_second_source'),
        withRange(
          own.map(({ idle }) => idle['database_cpu_seconds'] ?? Number.NaN),
          (seconds) => seconds.toFixed(3),
        ),
      ];
    }),
  });
}

export function whoBurned({ calibrations }: ProbeFigures, engine: ReadingCost['engine']): string {
  return calibrations.find((calibration) => calibration.engine === engine)?.description ?? 'nobody';
}

/** What one reading costs, in milliseconds: a row for each engine. */
export function describeCost({ readings }: Pick<ProbeFigures, 'readings'>): string {
  const costs = [
    ['Elapsed, ms', 'elapsedSeconds'],
    ['CPU of the lab, ms', 'labCpuSeconds'],
    ['CPU of the database, ms', 'databaseCpuSeconds'],
    ['CPU of the service, ms', 'serviceCpuSeconds'],
    ['CPU of the cache’s Redis, ms', 'redisCacheCpuSeconds'],
  ] as const;
  return rowsText({
    caption: '',
    columns: [
      { label: 'Engine' },
      ...costs.map(([label]) => ({ label, numeric: true })),
      { label: 'Statements', numeric: true },
    ],
    rows: engines.map((engine) => {
      const own = readings.filter((reading) => reading.engine === engine);
      return [
        engineNames[engine],
        ...costs.map(([, cost]) =>
          withRange(
            own.map((reading) => reading[cost]),
            (seconds) => (1000 * seconds).toFixed(2),
          ),
        ),
        formatNumber(median(own.map(({ statements }) => statements))),
      ];
    }),
  });
}

function withRange(values: readonly number[], format: (value: number) => string): string {
  return `${format(median(values))} (${format(Math.min(...values))} to ${format(Math.max(...values))})`;
}

/** What the two readings of a slot cost the database, held against what it used in the measured slots of each run. */
export function costShares({ readings }: ProbeFigures, runs: readonly Evidence[]): string {
  return rowsText({
    caption: '',
    columns: [
      { label: 'Run' },
      { label: 'Variant' },
      { label: 'Database CPU of a slot, median', numeric: true },
      { label: 'Of it two readings', numeric: true },
    ],
    rows: runs.flatMap(({ run, samples }) =>
      run.experiment.variants.map(({ id, label }) => {
        const slots = new Set(
          run.slots.filter((slot) => slot.role === 'measured' && slot.variant === id).map((slot) => slot.id),
        );
        const used = median(
          samples
            .filter(({ slot, metric }) => metric === 'database_cpu_seconds' && slots.has(slot))
            .map(({ value }) => value),
        );
        const costs = readings.filter(({ engine }) => engine === run.database);
        const cost = 2 * median(costs.map(({ databaseCpuSeconds }) => databaseCpuSeconds));
        return [run.id, label, formatQuantity(used, 's'), `${((100 * cost) / used).toFixed(2)} %`];
      }),
    ),
  });
}
