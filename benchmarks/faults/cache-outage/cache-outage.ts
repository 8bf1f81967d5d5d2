import { serviceConfiguration } from '../../environments/service-configuration.ts';
import { type ServiceProcess, startService } from '../../environments/service-process.ts';
import type { OpenSeries, SeriesRequest, TrialContext, TrialOutcome } from '../../protocol/trial-experiment.ts';
import { cacheControl } from '../cache-rows/open-reads-series.ts';
import { watchServices } from '../cache-rows/service-observation.ts';
import { openStage } from '../open-stage.ts';
import type { ServiceNode, Stage } from '../stage.ts';
import { startTimelineRecorder } from '../timeline-recorder.ts';
import { fillCache, measureCapacity } from './capacity.ts';
import { takeDatabaseCore } from './database-core.ts';
import { lateStartSeconds, outcomeOf } from './outage-outcome.ts';
import { beforeLabel, runOutagePhases } from './outage-phases.ts';
import type { CacheOutage } from './outage-plan.ts';
import { cacheMetricsSource, openDatabaseSource } from './outage-sources.ts';
import type { OutageObservation } from './outage-verdict.ts';
import { type Page, pagesOf, type RunningPageReads, startPageReads } from './page-reads.ts';

/** No entry may expire in a trial: what is to be seen is the outage. */
const ttlMs = 3_600_000;
const mostAttempts = 3;

interface OutageSeries {
  readonly outage: CacheOutage;
  readonly stage: Stage;
  readonly api: ServiceNode;
  readonly apiUrl: string;
  /** The same service on the same database with the cache off: what the database can do is measured through it. */
  readonly withoutCache: ServiceProcess;
  readonly pages: readonly Page[];
}

/**
 * Trials in which the cache's Redis is hurt under reads by the clock, at a multiple of what the database was just
 * measured to serve, while everything is recorded.
 */
export async function openCacheOutages(outage: CacheOutage, request: SeriesRequest): Promise<OpenSeries> {
  const core = await takeDatabaseCore();
  const opened: (() => Promise<void>)[] = [() => core.giveBack()];
  /** The last first, and all of them whatever the others do. */
  const close = async (): Promise<void> => {
    try {
      await opened.pop()?.();
    } finally {
      if (opened.length > 0) await close();
    }
  };
  try {
    const stage = await openOutageStage(outage, request);
    opened.push(() => stage.close());
    await core.hold(stage.database.processId);
    const [api] = stage.apis;
    if (api?.apiUrl === undefined) throw new Error('the stage came up without an API');
    const withoutCache = await startWithoutCache(stage);
    opened.push(() => withoutCache.process.stop());
    const series = { outage, stage, api, apiUrl: api.apiUrl, withoutCache, pages: pagesOf(outage.pageSizes) };
    return { settings: stage.settings, runTrial: (context) => runAttempts(series, context), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openOutageStage(outage: CacheOutage, request: SeriesRequest): Promise<Stage> {
  const { maxLoadsInFlight, poolSize, content, control } = outage;
  return openStage({
    database: request.database,
    seatCreation: 'async',
    minIdleMs: 3_000,
    proxied: ['redisCache'],
    content,
    configuration: {
      PERFORMANCE_CACHE_TTL_MS: String(ttlMs),
      PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT: String(maxLoadsInFlight),
      DATABASE_POOL_SIZE: String(poolSize),
    },
    ...(control !== undefined && { entry: cacheControl(control) }),
    signal: request.signal,
    step: (text) => request.step(text),
  });
}

function startWithoutCache({ database, redisQueue, redisCache, directory, apiToken }: Stage): Promise<ServiceProcess> {
  return startService({
    name: 'without-cache',
    directory,
    configuration: {
      ...serviceConfiguration({
        engine: database.engine,
        databaseUrl: database.url,
        redisQueueUrl: redisQueue.url,
        redisCacheUrl: redisCache.url,
      }),
      HOST: '127.0.0.1',
      PORT: '0',
      API_TOKEN: apiToken,
      ROLE: 'api',
      SEAT_CREATION: 'async',
      PERFORMANCE_CACHE: 'off',
    },
  });
}

/** A trial whose reads began late was not the one that was asked for; it is made again, whatever it showed. */
async function runAttempts(series: OutageSeries, context: TrialContext): Promise<TrialOutcome> {
  const { outage } = series;
  for (let attempt = 1; ; attempt += 1) {
    const { observation, serviceProblems } = await observe(series, context);
    const lateSeconds = lateStartSeconds(observation.reads);
    if (lateSeconds <= outage.latestStartSeconds) {
      return outcomeOf(outage, observation, { serviceProblems, repeated: attempt - 1 });
    }
    const late = `1 % of the reads began ${lateSeconds.toFixed(3)} s late or later, where ${outage.latestStartSeconds} s are allowed`;
    if (attempt === mostAttempts) throw new Error(`the load generator could not keep up, ${attempt} times: ${late}`);
    context.step(`once more: ${late}`);
  }
}

async function observe(
  series: OutageSeries,
  context: TrialContext,
): Promise<{ readonly observation: OutageObservation; readonly serviceProblems: readonly string[] }> {
  const { outage, stage, api, apiUrl, withoutCache, pages } = series;
  const { signal } = context;
  const closed = { pages, inFlight: outage.maxLoadsInFlight };
  context.step('measuring the capacity of the database');
  const capacityPerSecond = await measureCapacity({ ...closed, apiUrl: withoutCache.apiUrl }, outage.capacitySeconds);
  context.step(`filling the cache; the database serves ${capacityPerSecond.toFixed(0)} reads a second`);
  await fillCache({ ...closed, apiUrl });
  const database = await openDatabaseSource(stage);
  const watch = await watchServices([api]);
  let running: RunningPageReads | undefined;
  try {
    const sources = [cacheMetricsSource(api), database];
    const { intervalSeconds } = outage;
    const recorder = await startTimelineRecorder({ intervalSeconds, sources, label: beforeLabel }, signal);
    running = startPageReads({ apiUrl, pages, perSecond: outage.capacities * capacityPerSecond }, signal);
    const phases = await runOutagePhases(
      stage,
      { ...outage, recorder },
      { step: (text) => context.step(text), signal },
    );
    const timeline = await recorder.end();
    await running.end();
    const { reads } = running;
    const breakerOpens = outage.faults.some((fault) => fault !== 'killed');
    return {
      observation: { phases, reads, timeline, startedAtMs: recorder.startedAtMs, capacityPerSecond },
      serviceProblems: await watch.problems({ breakerOpens }),
    };
  } finally {
    await running?.end();
    await database.close();
  }
}
