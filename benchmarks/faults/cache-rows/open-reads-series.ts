import type { OpenSeries, SeriesRequest } from '../../protocol/trial-experiment.ts';
import { openStagedSeries } from '../open-staged-series.ts';
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

/** A series on a stage of its own with performances to be read. */
export function openReadsSeries(
  request: SeriesRequest,
  { performances, ...wishes }: ReadsSeriesRequest,
  trialsOn: (stage: Stage, performances: VersionedPerformances) => OpenSeries['runTrial'],
): Promise<OpenSeries> {
  const openBeside = (stage: Stage): Promise<VersionedPerformances> => {
    request.step('making performances');
    return createVersionedPerformances(stage, performances);
  };
  return openStagedSeries(request, { seatCreation: 'async', minIdleMs: 3_000, ...wishes, openBeside }, trialsOn);
}

/** Where its processes take reads and writes. */
export function apiUrlsOf({ apis }: Pick<Stage, 'apis'>): readonly string[] {
  return apis.flatMap(({ apiUrl }) => apiUrl ?? []);
}
