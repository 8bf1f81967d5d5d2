import type { OpenSeries, SeriesRequest } from '../../protocol/trial-experiment.ts';
import { openStage } from '../open-stage.ts';
import type { Stage, StageRequest } from '../stage.ts';
import { createVersionedPerformances, type VersionedPerformances } from './versioned-performances.ts';

export interface ReadsSeriesRequest extends Pick<
  StageRequest,
  'apis' | 'configuration' | 'entry' | 'proxied' | 'redisCache'
> {
  readonly performances: number;
}

/** The entry of a control: the service with a cache that is wrong on purpose. */
export function cacheControl(name: string): { readonly api: readonly string[] } {
  return { api: ['service/test/controls/performance-cache-control.ts', name] };
}

/** A series on a stage of its own with performances to be read: both are closed with it, and when it can't be opened. */
export async function openReadsSeries(
  request: SeriesRequest,
  { performances: count, ...stageRequest }: ReadsSeriesRequest,
  trialsOn: (stage: Stage, performances: VersionedPerformances) => OpenSeries['runTrial'],
): Promise<OpenSeries> {
  const { database, signal } = request;
  const stage = await openStage({
    database,
    seatCreation: 'async',
    minIdleMs: 3_000,
    ...stageRequest,
    signal,
    step: (text) => request.step(text),
  });
  try {
    request.step('making performances');
    const performances = await createVersionedPerformances(stage, count);
    return {
      settings: stage.settings,
      runTrial: trialsOn(stage, performances),
      async close() {
        performances.close();
        await stage.close();
      },
    };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

/** Where its processes take reads and writes. */
export function apiUrlsOf({ apis }: Pick<Stage, 'apis'>): readonly string[] {
  return apis.flatMap(({ apiUrl }) => apiUrl ?? []);
}
