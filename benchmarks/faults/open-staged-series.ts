import type { OpenSeries, SeriesRequest } from '../protocol/trial-experiment.ts';
import { openStage } from './open-stage.ts';
import type { Stage, StageRequest } from './stage.ts';

/** A stage as a row wants it; the rest is the run's. */
export type StageWishes = Omit<StageRequest, 'database' | 'signal' | 'step'>;

/**
 * A series on a stage of its own, with what is opened beside it. Both are closed with the series, and the stage when the
 * series can't be opened.
 */
export async function openStagedSeries<Beside extends { close(): Promise<void> | void }>(
  request: SeriesRequest,
  { openBeside, ...wishes }: StageWishes & { readonly openBeside: (stage: Stage) => Promise<Beside> },
  trialsOn: (stage: Stage, beside: Beside) => OpenSeries['runTrial'],
): Promise<OpenSeries> {
  const { database, signal } = request;
  const stage = await openStage({ ...wishes, database, signal, step: (text) => request.step(text) });
  try {
    const beside = await openBeside(stage);
    return {
      settings: stage.settings,
      runTrial: trialsOn(stage, beside),
      async close() {
        await beside.close();
        await stage.close();
      },
    };
  } catch (error) {
    await stage.close();
    throw error;
  }
}
