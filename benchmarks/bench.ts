import { randomInt } from 'node:crypto';
import path from 'node:path';
import process from 'node:process';

import { Redis } from 'ioredis';

import type { BenchRequest } from './bench-request.ts';
import { benchTrials } from './bench-trials.ts';
import { createProcessesEnvironment } from './environments/processes.ts';
import type { RunningVariant } from './environments/environment.ts';
import { createScratch } from './environments/scratch.ts';
import { writeEvidence } from './evidence/write-evidence.ts';
import { findExperiment, isInTrials } from './find-experiment.ts';
import { startLoad } from './load/k6.ts';
import { openWindowMeter } from './probes/window-meter.ts';
import type { Experiment } from './protocol/experiment.ts';
import { createProgress } from './protocol/progress.ts';
import type { RunRequest } from './protocol/measured-run.ts';
import { type RecordedQuantity, recordSlots } from './protocol/record-slots.ts';
import { runExperiment } from './protocol/run-experiment.ts';
import { inRunFolder } from './run-folder.ts';
import { setUpTools } from './toolchain/set-up-tools.ts';

const scenariosFolder = path.join(import.meta.dirname, 'scenarios');

async function emptyCache({ redisCacheUrl }: RunningVariant): Promise<void> {
  const redis = new Redis(redisCacheUrl, { maxRetriesPerRequest: 1 });
  try {
    await redis.flushall('SYNC');
  } finally {
    redis.disconnect();
  }
}

async function withRunRequest<Result>(
  request: BenchRequest & { readonly experiment: Experiment },
  id: string,
  use: (run: RunRequest) => Promise<Result>,
): Promise<Result> {
  const { experiment, profile: profileName, database, output, signal } = request;
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
      command: `${benchCommand(experiment, request)} SEED=${seed}`,
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

const benchCommand = ({ id }: { readonly id: string }, { profile, database }: BenchRequest): string =>
  `make bench EXPERIMENT=${id} PROFILE=${profile} DATABASE=${database}`;

/** Runs an experiment of either protocol and leaves its evidence: resolves to the folder. */
export async function bench(id: string, request: BenchRequest): Promise<string> {
  const experiment = await findExperiment(id);
  if (isInTrials(experiment)) {
    return benchTrials({ ...request, experiment, command: benchCommand(experiment, request) });
  }
  return inRunFolder([id, request.database, request.profile], async (folder) => {
    const evidence = await withRunRequest({ ...request, experiment }, path.basename(folder), runExperiment);
    await writeEvidence(folder, evidence);
  });
}

/** What the guards see in healthy slots: see `record-slots.ts`. */
export async function record(id: string, request: BenchRequest, slotsOfEach: number): Promise<RecordedQuantity[]> {
  const experiment = await findExperiment(id);
  if (isInTrials(experiment)) throw new Error(`${id} is run in trials, which have no slots to record`);
  return withRunRequest({ ...request, experiment }, 'record', (run) => recordSlots(run, slotsOfEach));
}
