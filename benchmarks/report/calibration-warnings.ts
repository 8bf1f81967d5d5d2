import type { Analysis } from '../analysis/analyze-run.ts';
import { calibrationTolerancePoints as tolerancePoints, type RunRecord } from '../evidence/schema.ts';

import { formatNumber, formatQuantity } from './formats.ts';

/** `75 to 85 %`. */
export function calibratedRange({ targetDatabaseCpuPercent: target }: NonNullable<RunRecord['calibration']>): string {
  return `${formatNumber(target - tolerancePoints)} to ${formatNumber(target + tolerancePoints)} %`;
}

/** Sentences that follow the verdict when the load was not the one that the claim speaks of; none when it was. */
export function calibrationWarnings(run: RunRecord, { comparisons }: Pick<Analysis, 'comparisons'>): string[] {
  if (run.calibration === undefined) return [];
  const { met, targetDatabaseCpuPercent: target } = run.calibration;
  const missed = `The rate was not confirmed: the calibration’s last slots had their median outside ${calibratedRange(run.calibration)} of a core.`;
  const before = comparisons.find(({ metric }) => metric.id === 'database_cpu_percent')?.before;
  const away =
    before !== undefined && Math.abs(before.estimate - target) > tolerancePoints
      ? [
          `Before (${run.experiment.variants[0].label}) the database stood at ${formatQuantity(before.estimate, '%')} of a core: the rate was set for ${formatNumber(target)} %.`,
        ]
      : [];
  return [...(met ? [] : [missed]), ...away];
}
