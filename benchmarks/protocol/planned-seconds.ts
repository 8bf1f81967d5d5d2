import type { RunRequest } from './measured-run.ts';

/** Seconds that a slot takes beside its warm-up and window: starting k6, its tail, reading its samples. */
const slotOverheadSeconds = 0.6;

/** From the first block to the end of the run. */
export function plannedSeconds({ experiment, profile }: RunRequest, readsPerSecond: number): number {
  const slot = profile.warmUpSeconds + profile.windowSeconds + slotOverheadSeconds;
  const closed =
    experiment.closed === undefined
      ? 0
      : experiment.closed.virtualUsers / readsPerSecond +
        profile.warmUpSeconds +
        Math.max(experiment.closed.windowSeconds, profile.windowSeconds) +
        slotOverheadSeconds;
  const { warmUpSeconds, windowSeconds: shortWindow } = profile.calibration;
  const restart = 1 + 2 * (warmUpSeconds + shortWindow + slotOverheadSeconds);
  const restarts = Math.ceil(profile.blocks / profile.blocksBetweenRestarts);
  return (4 * profile.blocks + 2 * profile.sweep.length) * slot + 2 * closed + restarts * restart;
}
