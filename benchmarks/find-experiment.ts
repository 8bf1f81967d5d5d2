import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Experiment } from './protocol/experiment.ts';
import type { TrialExperiment } from './protocol/trial-experiment.ts';

export type AnyExperiment = Experiment | TrialExperiment;

const experimentsFolder = path.join(import.meta.dirname, 'experiments');

/** What `make bench` runs when no experiment is named: one for each of the two claims. */
export const headlineExperiments = ['performance-cache', 'seat-creation-crash'] as const;

/** Every file in experiments/ is one; its name without `.ts` is its id. */
export async function experimentIds(folder = experimentsFolder): Promise<string[]> {
  const files = await readdir(folder);
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .toSorted();
}

const exportsExperiment = (module: unknown): module is { experiment: AnyExperiment } =>
  typeof module === 'object' && module !== null && 'experiment' in module;

/** @throws Error when there is none of this name, or its file exports something else, or the experiment of another id. */
export async function findExperiment(id: string, folder = experimentsFolder): Promise<AnyExperiment> {
  const ids = await experimentIds(folder);
  if (!ids.includes(id)) throw new Error(`there is no experiment "${id}": the experiments are ${ids.join(', ')}`);
  const module: unknown = await import(pathToFileURL(path.join(folder, `${id}.ts`)).href);
  if (!exportsExperiment(module)) throw new Error(`experiments/${id}.ts must export a const named experiment`);
  const { experiment } = module;
  if (experiment.id !== id)
    throw new Error(`experiments/${id}.ts has the id "${experiment.id}": an id is the file's name, set it to "${id}"`);
  return experiment;
}

export const isInTrials = (experiment: AnyExperiment): experiment is TrialExperiment =>
  experiment.protocol === 'trials';
