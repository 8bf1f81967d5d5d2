import { randomInt } from 'node:crypto';
import path from 'node:path';
import process from 'node:process';

import { type BenchRequest, nameParts } from './bench-request.ts';
import { benchTrials } from './bench-trials.ts';
import { createProcessesEnvironment } from './environments/processes.ts';
import { writeEvidence } from './evidence/write-evidence.ts';
import { findExperiment, isInTrials } from './find-experiment.ts';
import { createGrafanaAnnotations, grafanaAddress } from './grafana-annotations.ts';
import type { Experiment } from './protocol/experiment.ts';
import type { RunRequest } from './protocol/measured-run.ts';
import { type RecordedQuantity, recordSlots } from './protocol/record-slots.ts';
import { runExperiment } from './protocol/run-experiment.ts';
import { inRunFolder } from './run-folder.ts';
import { withSlotSession } from './slot-session.ts';

async function withRunRequest<Result>(
  request: BenchRequest & { readonly experiment: Experiment },
  id: string,
  use: (run: RunRequest) => Promise<Result>,
): Promise<Result> {
  const { experiment, profile: profileName, database } = request;
  const grafana = grafanaAddress(process.env);
  return withSlotSession(request, async ({ ports, binaries, progress }) => {
    const seed = request.seed ?? randomInt(2 ** 31);
    progress.note(`${experiment.title}: ${profileName} profile, ${database}, seed ${seed}`);
    return use({
      id,
      command: `${benchCommand(experiment, request)} SEED=${seed}`,
      experiment,
      profile: experiment.profiles[profileName],
      database,
      seed,
      ...(await openEnvironment(request, (step) => progress.step(step))),
      ports: { ...ports, annotate: grafana && createGrafanaAnnotations(grafana, (text) => progress.note(text)) },
      binaries,
      progress,
    });
  });
}

type OpenedEnvironment = Pick<RunRequest, 'environment' | 'containers' | 'environmentLimits'>;

/** Pulumi is loaded where it is needed alone: it is most of a start. */
async function openEnvironment(request: BenchRequest, onStep: (step: string) => void): Promise<OpenedEnvironment> {
  const { environment, containers = {}, signal } = request;
  if (environment === 'processes') return { environment: createProcessesEnvironment({ signal }) };
  const { prepareContainers } = await import('./environments/container-stacks.ts');
  const { containerLimits, createContainersEnvironment } = await import('./environments/containers.ts');
  const prepared = await prepareContainers(containers, onStep);
  return {
    environment: createContainersEnvironment({ prepared, signal }),
    containers: prepared.record,
    environmentLimits: containerLimits,
  };
}

const benchCommand = ({ id }: { readonly id: string }, { profile, database, ...request }: BenchRequest): string =>
  [`make bench EXPERIMENT=${id} PROFILE=${profile} DATABASE=${database}`, ...containerVariables(request)].join(' ');

/** Make's variables that are not at their defaults. */
function containerVariables({ environment, containers = {} }: Omit<BenchRequest, 'profile' | 'database'>): string[] {
  if (environment === 'processes') return [];
  const images = Object.entries(containers.images ?? {}).map(([part, reference]) => `${part}=${reference}`);
  return [
    'ENVIRONMENT=containers',
    ...(images.length === 0 ? [] : [`IMAGES="${images.join(' ')}"`]),
    ...(containers.base === undefined ? [] : [`BASE=${containers.base}`]),
    ...(containers.buildBase === undefined ? [] : [`BUILD_BASE=${containers.buildBase}`]),
    ...(containers.network === undefined ? [] : [`BUILD_NETWORK=${containers.network}`]),
  ];
}

/** Runs an experiment of either protocol and leaves its evidence: resolves to the folder. */
export async function bench(id: string, request: BenchRequest): Promise<string> {
  const experiment = await findExperiment(id);
  if (isInTrials(experiment)) {
    return benchTrials({ ...request, experiment, command: benchCommand(experiment, request) });
  }
  return inRunFolder(nameParts(id, request), async (folder) => {
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
