import type { OpenSeries, SeriesRequest } from '../protocol/trial-experiment.ts';
import { openStagedSeries, type StageWishes } from './open-staged-series.ts';
import { openQueueInspection, type QueueInspection } from './queue-inspection.ts';
import type { Stage } from './stage.ts';

/** A series on a stage of its own whose queue is a stream that is looked into. */
export function openInspectedSeries(
  request: SeriesRequest,
  wishes: Omit<StageWishes, 'seatCreation'>,
  trialsOn: (stage: Stage, inspection: QueueInspection) => OpenSeries['runTrial'],
): Promise<OpenSeries> {
  return openStagedSeries(request, { ...wishes, seatCreation: 'stream', openBeside: openQueueInspection }, trialsOn);
}
