import { randomInt } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

import { Redis } from 'ioredis';

import { createProcessesEnvironment } from './environments/processes.ts';
import type { RunningVariant } from './environments/environment.ts';
import { createScratch } from './environments/scratch.ts';
import type { RunRecord } from './evidence/schema.ts';
import { writeEvidence } from './evidence/write-evidence.ts';
import { startLoad } from './load/k6.ts';
import { openWindowMeter } from './probes/window-meter.ts';
import type { Experiment, ProfileName } from './protocol/experiment.ts';
import { createProgress } from './protocol/progress.ts';
import type { RunRequest } from './protocol/measured-run.ts';
import { type RecordedQuantity, recordSlots } from './protocol/record-slots.ts';
import { runExperiment } from './protocol/run-experiment.ts';
import { writeReport } from './report/write-report.ts';
import type { ProgressOutput } from './toolchain/progress.ts';
import { setUpTools } from './toolchain/set-up-tools.ts';

export const reportsFolder = path.join(import.meta.dirname, '..', 'reports');
const experimentsFolder = path.join(import.meta.dirname, 'experiments');
const scenariosFolder = path.join(import.meta.dirname, 'scenarios');

export interface BenchRequest {
  readonly experiment: string;
  readonly profile: ProfileName;
  readonly database: RunRecord['database'];
  readonly seed?: number | undefined;
  readonly output: ProgressOutput;
  readonly signal: AbortSignal;
}

/** Every file in experiments/ is one; its name without `.ts` is its id. */
export async function experimentIds(): Promise<string[]> {
  const files = await readdir(experimentsFolder);
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .toSorted();
}

const exportsExperiment = (module: unknown): module is { experiment: Experiment } =>
  typeof module === 'object' && module !== null && 'experiment' in module;

async function loadExperiment(id: string): Promise<Experiment> {
  const ids = await experimentIds();
  if (!ids.includes(id)) throw new Error(`there is no experiment "${id}": the experiments are ${ids.join(', ')}`);
  const module: unknown = await import(`./experiments/${id}.ts`);
  if (!exportsExperiment(module)) throw new Error(`experiments/${id}.ts must export a const named experiment`);
  return module.experiment;
}

/** Makes the first free of `2026-11-23-performance-cache-postgres-quick`, `…-2`, `…-3`: it is then ours alone. */
async function claimRunFolder(parts: readonly string[]): Promise<string> {
  const base = [new Date().toISOString().slice(0, 10), ...parts].join('-');
  for (let number = 1; ; number += 1) {
    const folder = path.join(reportsFolder, number === 1 ? base : `${base}-${number}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

async function emptyCache({ redisCacheUrl }: RunningVariant): Promise<void> {
  const redis = new Redis(redisCacheUrl, { maxRetriesPerRequest: 1 });
  try {
    await redis.flushall('SYNC');
  } finally {
    redis.disconnect();
  }
}

async function withRunRequest<Result>(
  request: BenchRequest,
  id: string,
  use: (run: RunRequest) => Promise<Result>,
): Promise<Result> {
  const { profile: profileName, database, output, signal } = request;
  const experiment = await loadExperiment(request.experiment);
  const names = ['k6', 'redis-server', ...(database === 'postgres' ? (['postgres'] as const) : [])] as const;
  const tools = await setUpTools(names, output);
  const k6 = tools.find(({ name }) => name === 'k6');
  if (k6 === undefined) throw new Error('setUpTools gave no k6 and no error');
  const progress = createProgress(output);
  const seed = request.seed ?? randomInt(2 ** 31);
  progress.note(`${experiment.title}: ${profileName} profile, ${database}, seed ${seed}`);
  const scratch = await createScratch({ keep: false });
  try {
    return await use({
      id,
      command: `make bench EXPERIMENT=${experiment.id} PROFILE=${profileName} DATABASE=${database} SEED=${seed}`,
      experiment,
      profile: experiment.profiles[profileName],
      database,
      seed,
      environment: createProcessesEnvironment({ signal }),
      ports: {
        startLoad(load) {
          const script = path.join(scenariosFolder, load.script);
          const running = startLoad(k6.path, { ...load, script }, scratch.path);
          scratch.record('k6', running.processId);
          return running;
        },
        openWindowMeter,
        emptyCache,
        signal,
      },
      binaries: [...tools, { name: 'node', version: process.version, path: process.execPath }],
      progress,
    });
  } finally {
    progress.close();
    await scratch.remove();
  }
}

/** Runs an experiment and leaves its evidence and report: resolves to their folder. */
export async function bench(request: BenchRequest): Promise<string> {
  const folder = await claimRunFolder([request.experiment, request.database, request.profile]);
  try {
    const evidence = await withRunRequest(request, path.basename(folder), runExperiment);
    await writeEvidence(folder, evidence);
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
  await writeReport(folder);
  return folder;
}

/** What the guards see in healthy slots: see `record-slots.ts`. */
export function record(request: BenchRequest, slotsOfEach: number): Promise<RecordedQuantity[]> {
  return withRunRequest(request, 'record', (run) => recordSlots(run, slotsOfEach));
}
