import type { OpenSeries } from '../protocol/trial-experiment.ts';
import { openStage } from './open-stage.ts';
import { openQueueInspection, type QueueInspection } from './queue-inspection.ts';
import type { Stage, StageRequest } from './stage.ts';

/** A series on a stage of its own whose queue is looked into: both are closed with it, and when it can't be opened. */
export async function openInspectedSeries(
  request: StageRequest,
  trialsOn: (stage: Stage, inspection: QueueInspection) => OpenSeries['runTrial'],
): Promise<OpenSeries> {
  const stage = await openStage(request);
  try {
    const inspection = await openQueueInspection(stage);
    return {
      settings: stage.settings,
      runTrial: trialsOn(stage, inspection),
      async close() {
        inspection.close();
        await stage.close();
      },
    };
  } catch (error) {
    await stage.close();
    throw error;
  }
}
