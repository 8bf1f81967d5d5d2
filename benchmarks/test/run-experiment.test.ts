import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readingsBySlot } from '../analysis/metric-value.ts';
import type { Environment, RunningVariant, VariantRequest } from '../environments/environment.ts';
import { readCommit } from '../evidence/fingerprint.ts';
import { runRecordSchema, sampleSchema, type VariantId } from '../evidence/schema.ts';
import { experiment as performanceCache } from '../experiments/performance-cache.ts';
import type { LoadRequest, LoadWindow } from '../load/load.ts';
import type { Annotation } from '../protocol/annotation.ts';
import { CouldNotRunError } from '../protocol/could-not-run-error.ts';
import type { Experiment } from '../protocol/experiment.ts';
import type { RunRequest } from '../protocol/measured-run.ts';
import { createProgress } from '../protocol/progress.ts';
import { runExperiment } from '../protocol/run-experiment.ts';
import type { WindowSample } from '../protocol/window-meter.ts';

const profile = {
  ...performanceCache.profiles.quick,
  warmUpSeconds: 0.005,
  windowSeconds: 0.01,
  calibration: { warmUpSeconds: 0.005, windowSeconds: 0.01 },
  sweep: [0.5],
};
const experiment: Experiment = {
  ...performanceCache,
  closed: { script: 'performance-users.ts', virtualUsers: 1, windowSeconds: 0.01 },
  content: { performances: 2, showtimesPerPerformance: 1 },
  comparedPaths: ['/performances'],
  predictHitRatio: () => 0.8,
  describeContent: () => Promise.resolve([{ metric: 'catalogue_keys', value: 2, unit: 'keys' }]),
};

let scratch: string;
const servers: Partial<Record<VariantId, Server>> = {};
const answers: Record<VariantId, string> = { before: 'same', after: 'same' };

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'run-experiment-test-'));
  const content = new Database(path.join(scratch, 'content.db'));
  content.exec(`CREATE TABLE audit_catalog_counts (table_name TEXT, rows INTEGER);
    INSERT INTO audit_catalog_counts VALUES ('performances', 2), ('showtimes', 2)`);
  content.close();
  for (const id of ['before', 'after'] as const) {
    const server = createServer((request, response) => {
      if (request.url !== '/version') response.end(answers[id]);
      else void readCommit().then(({ commit }) => response.end(JSON.stringify({ commit })));
    });
    servers[id] = server;
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  }
});

afterAll(async () => {
  for (const server of Object.values(servers)) server.close();
  await rm(scratch, { recursive: true });
});

function fakeVariant(id: VariantId): RunningVariant {
  const address = servers[id]?.address();
  if (typeof address !== 'object' || address === null) throw new Error(`the server of ${id} does not listen`);
  const url = `http://127.0.0.1:${address.port}`;
  return {
    id,
    apiUrl: url,
    adminUrl: url,
    workerAdminUrls: [],
    apiToken: 'token',
    database: { engine: 'sqlite', file: path.join(scratch, 'content.db') },
    redisCacheUrl: '',
    redisQueueUrl: '',
    readSettings: () =>
      Promise.resolve([
        { part: 'SQLite', source: 'fake', values: { page_size: '4096' } },
        { part: 'service', source: 'fake', values: { PERFORMANCE_CACHE: id === 'before' ? 'off' : 'look-aside' } },
      ]),
    parts: [],
  };
}

const loadWindow: Omit<LoadWindow, 'reads'> = {
  latencies: [{ route: 'list', count: 1, buckets: [[1000, 1]] }],
  requests: 1,
  failedRequests: 0,
  failedReads: 0,
  wrongBodies: 0,
  droppedIterations: 0,
  responseBytes: 10,
  virtualUserShare: 0.1,
  scheduleLagSeconds: { median: 0, largest: 0 },
};

/** A world in which *before* costs 5 ms of database CPU a read and *after* 0.2 ms, and what happened in it. */
function fakeWorld(
  options: {
    readonly loadFails?: (loads: number) => boolean;
    readonly otherCpuSeconds?: () => number;
    readonly seatsCreated?: number;
  } = {},
) {
  const events: string[] = [];
  const requests: (LoadRequest & { variant: string })[] = [];
  const controller = new AbortController();
  const running = [fakeVariant('before'), fakeVariant('after')];
  const asked: VariantRequest[] = [];
  const environment: Environment = {
    up: ({ variants }) => {
      asked.push(...variants);
      return Promise.resolve(running);
    },
    restartServices: () => {
      events.push('restart');
      return Promise.resolve(running);
    },
    down: () => {
      events.push('down');
      return Promise.resolve();
    },
  };
  const rateOf = (variables: LoadRequest['variables']): number =>
    variables['THINK_SECONDS'] === undefined ? Number(variables['RATE']) : 1 / Number(variables['THINK_SECONDS']);
  const startLoad: RunRequest['ports']['startLoad'] = (request) => {
    const variant = request.apiUrl === running[0]?.apiUrl ? 'before' : 'after';
    requests.push({ ...request, variant });
    if (options.loadFails?.(requests.length)) {
      const failed = Promise.reject(new Error('k6 ended with exit status 107'));
      failed.catch(() => undefined);
      return { processId: 1, started: new Promise(() => undefined), finished: failed, stop: () => Promise.resolve() };
    }
    const window = () => Promise.resolve({ ...loadWindow, reads: rateOf(request.variables) });
    return {
      processId: 1,
      started: Promise.resolve(new Date()),
      finished: Promise.resolve({
        window,
        summary: { requests: 1, p50Seconds: 0.001, p95Seconds: 0.001 },
        rawSha256: '0'.repeat(64),
      }),
      stop: () => Promise.resolve(),
    };
  };
  const openWindowMeter: RunRequest['ports']['openWindowMeter'] = (variant) =>
    Promise.resolve({
      start: () => Promise.resolve(),
      stop: () =>
        Promise.resolve(
          samplesOf(variant.id, rateOf(requests.at(-1)?.variables ?? {}), {
            otherCpuSeconds: options.otherCpuSeconds?.() ?? 0,
            seatsCreated: options.seatsCreated ?? 0,
          }),
        ),
      close: () => Promise.resolve(),
    });
  const ports = { startLoad, openWindowMeter, emptyCache: () => Promise.resolve(), signal: controller.signal };
  return { environment, ports, events, requests, controller, asked };
}

function samplesOf(
  variant: VariantId,
  rate: number,
  { otherCpuSeconds, seatsCreated }: { readonly otherCpuSeconds: number; readonly seatsCreated: number },
): WindowSample[] {
  const databaseCpuSeconds = rate * (variant === 'before' ? 0.005 : 0.0002);
  const hits = variant === 'before' ? 0 : 0.8 * rate;
  const values: Record<string, number> = {
    window_seconds: 1,
    database_cpu_seconds: databaseCpuSeconds,
    database_cpu_seconds_second_source: databaseCpuSeconds,
    service_cpu_seconds: 0,
    worker_cpu_seconds: 0,
    redis_cache_cpu_seconds: 0,
    redis_queue_cpu_seconds: 0,
    generator_cpu_seconds: 0.1,
    lab_cpu_seconds: 0,
    other_cpu_seconds: otherCpuSeconds,
    steal_cpu_seconds: 0,
    idle_cpu_seconds: 1.9 - databaseCpuSeconds - otherCpuSeconds,
    machine_cpu_seconds: 2,
    clock_step_seconds: 0,
    redis_cache_evictions: 0,
    redis_cache_keys_without_ttl: 0,
    cache_hits: hits,
    seats_created: seatsCreated,
    cache_negatives: 0,
    cache_misses: variant === 'before' ? 0 : 0.2 * rate,
    cache_bypasses: variant === 'before' ? rate : 0,
    http_requests: 1,
  };
  return Object.entries(values).map(([metric, value]) => ({ metric, value, unit: 'any', source: 'fake' }));
}

function requestFor(world: ReturnType<typeof fakeWorld>): RunRequest {
  return {
    id: 'test-run',
    command: 'make bench',
    experiment,
    profile,
    database: 'postgres',
    seed: 7,
    environment: world.environment,
    ports: world.ports,
    binaries: [],
    progress: createProgress({ write: () => true }),
  };
}

describe('a run', () => {
  it('tells dashboards of each slot with its variant and block, of each block, and of itself', async () => {
    const world = fakeWorld();
    const annotations: Annotation[] = [];
    const annotate = (annotation: Annotation): Promise<void> => {
      annotations.push(annotation);
      return Promise.resolve();
    };
    const { run } = await runExperiment({ ...requestFor(world), ports: { ...world.ports, annotate } });
    const tags = annotations.map((annotation) => annotation.tags.join(' '));
    expect(tags.filter((text) => /variant:(before|after)/.test(text))).toHaveLength(run.slots.length);
    expect(tags.filter((text) => text === 'run:test-run block:1')).toHaveLength(1);
    expect(tags.filter((text) => text.endsWith('variant:before block:1'))).toHaveLength(2);
    expect(tags.at(-1)).toBe('run:test-run');
  });

  it('sets the rate by *before*, runs balanced blocks, and leaves complete evidence', async () => {
    const world = fakeWorld();
    const evidence = await runExperiment(requestFor(world));
    const run = runRecordSchema.parse(evidence.run);
    for (const sample of evidence.samples) sampleSchema.parse(sample);
    expect(run.offeredRatePerSecond).toBe(160);
    expect(run.brokenBy).toBeUndefined();
    expect(run.guards.filter((outcome) => !outcome.held)).toEqual([]);
    expect(run.slots.flatMap((slot) => slot.guards).filter((outcome) => !outcome.held)).toEqual([]);
    const measured = run.slots.filter((slot) => slot.role === 'measured');
    for (let block = 1; block <= profile.blocks; block += 1) {
      const order = measured.filter((slot) => slot.block === block).map((slot) => slot.variant);
      expect([
        ['before', 'after', 'after', 'before'],
        ['after', 'before', 'before', 'after'],
      ]).toContainEqual(order);
    }
    expect(run.slots.filter((slot) => slot.role === 'sweep').map((slot) => slot.offered)).toEqual([80, 80]);
    expect(run.slots.filter((slot) => slot.role === 'closed')).toHaveLength(2);
    expect(world.events).toEqual(['restart', 'restart', 'down']);
  });

  it('gives both variants the same reads and the same writes in the same order, and calibration no writes', async () => {
    const world = fakeWorld();
    await runExperiment(requestFor(world));
    const sent = (variant: VariantId) =>
      world.requests
        .filter((request) => request.variant === variant && request.variables['WRITES'] === 'on')
        .map(({ variables }) => [variables['WRITE_INDEX'], variables['SEED'], variables['RATE']]);
    expect(sent('before')).toEqual(sent('after'));
    expect(new Set(sent('before').map(([index]) => index)).size).toBe(sent('before').length);
    expect(world.requests[0]?.variables['WRITES']).toBe('off');
  });

  it('says which answers differ between the variants', async () => {
    answers.after = 'stale';
    try {
      const evidence = await runExperiment(requestFor(fakeWorld()));
      const broken = evidence.run.guards.filter((outcome) => !outcome.held);
      expect(broken.map((outcome) => outcome.guard)).toContain('equal-answers-1');
      expect(broken[0]?.observed).toContain('/performances');
    } finally {
      answers.after = 'same';
    }
  });

  it('repeats a slot that foreign load disturbed, at most three times, and says so', async () => {
    let readings = 0;
    const world = fakeWorld({ otherCpuSeconds: () => (readings++ < 6 ? 0.5 : 0) });
    const { run } = await runExperiment(requestFor(world));
    expect(run.slots.slice(0, 3).map((slot) => slot.attempt)).toEqual([3, 3, 1]);
  });

  it('keeps what repeated attempts measured, apart from what stands, and has none where none was repeated', async () => {
    let readings = 0;
    const world = fakeWorld({ otherCpuSeconds: () => (readings++ < 3 ? 0.5 : 0) });
    const evidence = await runExperiment(requestFor(world));
    const [first, second] = evidence.run.slots.map(({ id }) => id);
    const ids = [`${first}-attempt-1`, `${first}-attempt-2`];
    expect(evidence.run.slots.slice(0, 2).map(({ attempt }) => attempt)).toEqual([3, 1]);
    expect(evidence.run.discarded?.map(({ id }) => id)).toEqual(ids);
    const foreign = readingsBySlot(evidence);
    const foreignOf = (id = '') => foreign.get(id)?.samples.get('other_cpu_seconds');
    expect([...ids, first, second].map(foreignOf)).toEqual([0.5, 0.5, 0.5, 0]);
    expect(evidence.latencies.filter(({ slot }) => ids.includes(slot))).toHaveLength(2);
    expect((await runExperiment(requestFor(fakeWorld()))).run.discarded).toEqual([]);
  });

  it('records what the parts of each variant ran with, once where both had the same', async () => {
    const { run } = await runExperiment(requestFor(fakeWorld()));
    expect(run.partSettings).toEqual([
      { part: 'SQLite', source: 'fake', values: { page_size: '4096' }, of: ['before', 'after'] },
      { part: 'service', source: 'fake', values: { PERFORMANCE_CACHE: 'off' }, of: ['before'] },
      { part: 'service', source: 'fake', values: { PERFORMANCE_CACHE: 'look-aside' }, of: ['after'] },
    ]);
  });

  it('keeps what it has when it breaks in the middle, with the reason, and takes everything down', async () => {
    const world = fakeWorld({ loadFails: (loads) => loads === 12 });
    const { run } = await runExperiment(requestFor(world));
    expect(run.brokenBy).toContain('exit status 107');
    expect(run.slots.filter((slot) => slot.role === 'measured').length).toBeGreaterThan(0);
    expect(world.events).toContain('down');
  });

  it('has no result when it breaks before anything was measured', async () => {
    const world = fakeWorld({ loadFails: () => true });
    await expect(runExperiment(requestFor(world))).rejects.toThrow(CouldNotRunError);
    expect(world.events).toEqual(['down']);
  });

  it('takes everything down when it is interrupted', async () => {
    const world = fakeWorld({
      loadFails: (loads) => {
        if (loads === 10) world.controller.abort(new Error('interrupted'));
        return false;
      },
    });
    await expect(runExperiment(requestFor(world))).rejects.toThrow('interrupted');
    expect(world.events.at(-1)).toBe('down');
  });
});

describe('a run at a rate of the experiment’s own, with seats beside the reads', () => {
  const { closed: _, predictHitRatio: __, ...rest } = experiment;
  const seatsExperiment: Experiment = {
    ...rest,
    open: { script: 'reads-beside-seats.ts', readsPerSecond: 120 },
    seats: { jobsPerSecond: 2, seatsPerJob: 5000 },
    guards: { calibration: [], measured: ['achieved-rate', 'seats-created'], sweep: [], closed: [] },
    guardLimits: { ...experiment.guardLimits, seatsCreatedShare: 0.95 },
  };
  const request = (world: ReturnType<typeof fakeWorld>, over: Partial<Experiment> = {}): RunRequest => ({
    ...requestFor(world),
    experiment: { ...seatsExperiment, ...over },
    profile: { ...profile, sweep: [] },
  });

  it('calibrates nothing, predicts nothing, has no closed slots, and is readable evidence', async () => {
    const world = fakeWorld({ seatsCreated: 10_000 });
    const run = runRecordSchema.parse((await runExperiment(request(world))).run);
    expect(run.offeredRatePerSecond).toBe(120);
    expect([run.calibration, run.predictedHitRatio]).toEqual([undefined, undefined]);
    expect(new Set(run.slots.map(({ role }) => role))).toEqual(new Set(['measured']));
    expect(run.guards.map(({ guard }) => guard)).not.toContain('hit-ratio-of-run');
    expect(run.slots.flatMap((slot) => slot.guards).filter(({ held }) => !held)).toEqual([]);
  });

  it('is void when the jobs were not done', async () => {
    const { run } = await runExperiment(request(fakeWorld({ seatsCreated: 4_000 })));
    const broken = run.slots.flatMap((slot) => slot.guards).filter(({ held }) => !held);
    expect(new Set(broken.map(({ guard }) => guard))).toEqual(new Set(['seats-created']));
    expect(broken).toHaveLength(4 * profile.blocks);
  });

  it('prepares every load, warm-ups included, hands it what it made, and waits until all is done', async () => {
    const world = fakeWorld({ seatsCreated: 10_000 });
    const steps: string[] = [];
    let made = 0;
    await runExperiment(
      request(world, {
        prepareLoad: ({ variant, durationSeconds }) => {
          made += 1;
          steps.push(`prepare ${variant.id}`);
          expect(durationSeconds).toBeGreaterThan(profile.warmUpSeconds + profile.windowSeconds);
          return Promise.resolve({ HALL_IDS: String(made) });
        },
        settleLoad: (variant) => {
          steps.push(`settle ${variant.id}`);
          return Promise.resolve();
        },
      }),
    );
    expect(world.requests.map(({ variables }) => variables['HALL_IDS'])).toEqual(
      world.requests.map((_request, index) => String(index + 1)),
    );
    expect(steps).toEqual(world.requests.flatMap(({ variant }) => [`prepare ${variant}`, `settle ${variant}`]));
    const restarts = world.events.filter((event) => event === 'restart').length;
    expect(world.requests).toHaveLength(4 * profile.blocks + 2 * restarts);
  });

  it('holds what the experiment finds at its end as guards of the run', async () => {
    const outcome = { guard: 'seats-as-planned', held: false, observed: '1 hall', limit: 'none' };
    const { run } = await runExperiment(
      request(fakeWorld({ seatsCreated: 10_000 }), {
        checkOutcome: ({ id }) => Promise.resolve(id === 'after' ? [outcome] : []),
      }),
    );
    expect(run.guards.filter(({ held }) => !held)).toEqual([outcome]);
  });

  it('asks for the workers of a variant, and records them', async () => {
    const world = fakeWorld({ seatsCreated: 10_000 });
    const [before, after] = experiment.variants;
    const { run } = await runExperiment(request(world, { variants: [before, { ...after, workers: 2 }] }));
    expect(world.asked.map(({ workers }) => workers)).toEqual([undefined, 2]);
    expect(runRecordSchema.parse(run).experiment.variants[1].workers).toBe(2);
  });
});
