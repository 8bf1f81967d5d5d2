import { median } from '../analysis/signed-rank.ts';
import { calibrationTolerancePoints } from '../evidence/schema.ts';

/** One slot of *before* at this rate: what a read that was answered cost the database, in CPU-seconds. */
export type MeasureCpuSecondsPerRead = (readsPerSecond: number) => Promise<number>;

export interface Calibration {
  /** In whole reads per second. */
  readonly rate: number;
  /** Whether the median of the confirming slots came within the tolerance. */
  readonly met: boolean;
}

export interface CalibrationRequest {
  readonly targetPercent: number;
  readonly firstGuessPerSecond: number;
  readonly measure: MeasureCpuSecondsPerRead;
  readonly onRate?: (readsPerSecond: number, databaseCpuPercent: number) => void;
}

/** A rate is taken when so many slots in a row at that rate have their median within the tolerance. */
const confirmingSlots = 3;
const searchSlots = 4;
const rounds = 3;

/**
 * The arrival rate at which *before* holds the database at the target. The rate is
 * set, not found by the claim: the search follows the CPU cost of a read, which does not run away when the machine
 * can't keep up, as a percentage would; then three slots at one rate confirm it by their median. The last round's
 * rate stands even if its median missed, and the report says so.
 */
export async function calibrate(request: CalibrationRequest): Promise<Calibration> {
  const { targetPercent, measure } = request;
  const measured = async (rate: number): Promise<number> => {
    const cost = await measure(rate);
    if (!(cost > 0)) throw new Error(`calibration: a read cost the database ${cost} s of CPU at ${rate} reads/s`);
    const percent = 100 * rate * cost;
    request.onRate?.(rate, percent);
    return percent;
  };
  const next = (rate: number, percent: number): number =>
    Math.max(1, Math.round(rate * Math.min(3, Math.max(1 / 3, targetPercent / percent))));
  const onTarget = (percent: number): boolean => Math.abs(percent - targetPercent) <= calibrationTolerancePoints;

  let rate = request.firstGuessPerSecond;
  for (let slot = 0; slot < searchSlots; slot += 1) {
    const percent = await measured(rate);
    rate = next(rate, percent);
    if (onTarget(percent)) break;
  }
  for (let round = 1; ; round += 1) {
    const percents: number[] = [];
    for (let slot = 0; slot < confirmingSlots; slot += 1) percents.push(await measured(rate));
    const met = onTarget(median(percents));
    if (met || round === rounds) return { rate, met };
    rate = next(rate, median(percents));
  }
}
