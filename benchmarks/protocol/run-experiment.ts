import { shareSettings } from '../evidence/part-settings.ts';
import type { Evidence } from '../evidence/schema.ts';
import { annotateRun } from './annotation.ts';
import { CouldNotRunError } from './could-not-run-error.ts';
import { hitRatioOfRun } from './hit-ratio-of-run.ts';
import { MeasuredRun, type RunRequest } from './measured-run.ts';
import { plannedSeconds } from './planned-seconds.ts';
import { openRunFrame } from './run-frame.ts';
import { setRate } from './set-rate.ts';

async function measure(run: MeasuredRun): Promise<string | undefined> {
  const { request } = run;
  try {
    await run.up();
    await setRate(run);
    request.progress.note(`  measuring at ${run.rate} reads/s`);
    request.progress.expect(plannedSeconds(request, run.rate));
    await run.blocks();
    run.guards.push(...hitRatioOfRun({ ...request, rate: run.rate }, run));
    await run.sweep();
    await run.closed();
    await run.checkOutcome();
    return undefined;
  } catch (error) {
    request.ports.signal.throwIfAborted();
    const measured = run.slots.some((slot) => slot.role === 'measured');
    if (!measured) throw new CouldNotRunError('the run broke before anything was measured', error);
    return error instanceof Error ? error.message : String(error);
  } finally {
    request.progress.step('stopping what was started');
    await request.environment.down();
  }
}

/**
 * Brings both variants up, calibrates, runs the blocks, the sweep and the closed model, and takes everything
 * down. A run that breaks on its way is evidence too, marked with its reason; rejects with `CouldNotRunError`
 * when it broke before the first measured slot, and with the signal's reason when it was interrupted.
 */
export async function runExperiment(request: RunRequest): Promise<Evidence> {
  const { experiment, profile, database } = request;
  const from = new Date();
  const closeFrame = await openRunFrame(request);
  const run = new MeasuredRun(request);
  const brokenBy = await measure(run);
  await request.ports.annotate?.(annotateRun(request.id, { from, to: new Date(), title: experiment.title }));
  const frame = await closeFrame({ brokenBy, guards: run.guards });
  const { open } = experiment;
  const predictedHitRatio = experiment.predictHitRatio?.(profile, run.rate);
  const { blocksBetweenRestarts: _, sweep: __, calibration: ___, ...recordedProfile } = profile;
  return {
    run: {
      ...frame,
      partSettings: shareSettings(run.settings),
      experiment: {
        id: experiment.id,
        title: experiment.title,
        question: experiment.question,
        claim: experiment.claim(database),
        variants: [...experiment.variants],
        metrics: [...experiment.metrics(database)],
        limits: [...experiment.limits, ...(request.environmentLimits ?? [])],
      },
      profile: recordedProfile,
      workload: experiment.workload,
      offeredRatePerSecond: run.rate,
      ...('targetDatabaseCpuPercent' in open && {
        calibration: {
          targetDatabaseCpuPercent: open.targetDatabaseCpuPercent,
          slots: run.slots.filter((slot) => slot.role === 'calibration').map(({ id }) => id),
          met: run.calibrationMet,
        },
      }),
      ...(predictedHitRatio !== undefined && { predictedHitRatio }),
      slots: run.slots,
      discarded: run.discarded,
    },
    samples: run.samples,
    latencies: run.latencies,
  };
}
