import { calibrate } from './calibrate.ts';
import { type MeasuredRun, sampleOf } from './measured-run.ts';

/** The reads per second that both variants get: the experiment's own, or the ones that a calibration finds. */
export async function setRate(run: MeasuredRun): Promise<void> {
  const { experiment, profile, progress } = run.request;
  const { open } = experiment;
  if ('readsPerSecond' in open) {
    run.rate = open.readsPerSecond;
    return;
  }
  let number = 0;
  const calibration = await calibrate({
    targetPercent: open.targetDatabaseCpuPercent,
    firstGuessPerSecond: open.firstGuessPerSecond,
    measure: async (rate) => {
      number += 1;
      progress.step(`calibrating: slot ${number} at ${rate} reads/s`);
      const { samples } = await run.slot('before', {
        id: `calibration-${String(number).padStart(2, '0')}`,
        role: 'calibration',
        script: open.script,
        offered: rate,
        ...profile.calibration,
        variables: { WRITES: 'off' },
      });
      const answered = sampleOf(samples, 'reads') - sampleOf(samples, 'failed_requests');
      return sampleOf(samples, 'database_cpu_seconds') / answered;
    },
    onRate: (rate, percent) =>
      progress.note(`  calibration: ${rate} reads/s, database ${percent.toFixed(1)} % of a core`),
  });
  run.rate = calibration.rate;
  run.calibrationMet = calibration.met;
}
