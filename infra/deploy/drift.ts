import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

import { execa } from 'execa';

import { filesFolder } from '../components/container-files.ts';
import type { ActualContainer, ExpectedContainer } from './deployed-containers.ts';
import { readIfThere } from './read-if-there.ts';
import type { Session } from './stack-session.ts';

/** A way in which the engine differs from the state that the provider's refresh does not see. */
export interface Drift {
  readonly containerId: string;
  readonly name: string;
  readonly what: string;
  /** `remove`: the next deployment makes it again, as it should be. */
  readonly repair: 'unpause' | 'remove';
}

/** Pure: all but the files. */
export function findDrift(
  expected: readonly ExpectedContainer[],
  actual: readonly ActualContainer[],
): readonly Drift[] {
  return actual.flatMap((container): readonly Drift[] => {
    const { id: containerId, name } = container;
    const wanted = expected.find(({ id }) => id === containerId);
    if (wanted === undefined)
      return [{ containerId, name, what: 'was made by nobody that the state knows of', repair: 'remove' }];
    if (container.isPaused) return [{ containerId, name, what: 'is paused', repair: 'unpause' }];
    const missing = wanted.networks.filter((network) => !container.networks.includes(network));
    if (wanted.isService && missing.length > 0) {
      return [{ containerId, name, what: `is not connected to ${missing.join(', ')}`, repair: 'remove' }];
    }
    const hasFailed = !wanted.isService && !container.isRunning && container.exitCode !== 0;
    return hasFailed ? [{ containerId, name, what: `ended with ${container.exitCode}`, repair: 'remove' }] : [];
  });
}

/** Containers whose carried files are others now. */
export async function findEditedFiles(
  { environment }: Session,
  expected: readonly ExpectedContainer[],
  actual: readonly ActualContainer[],
): Promise<readonly Drift[]> {
  const drifts: Drift[] = [];
  const present = new Set(actual.map(({ id }) => id));
  for (const { id, name, files } of expected) {
    const paths = Object.keys(files);
    if (paths.length === 0 || !present.has(id)) continue;
    const texts = await readCarriedFiles(id, paths, environment);
    const edited = paths.filter((path, index) => texts[index] !== files[path]);
    if (edited.length > 0)
      drifts.push({ containerId: id, name, what: `has other texts in ${edited.join(', ')}`, repair: 'remove' });
  }
  return drifts;
}

/** Of each path, the text; `undefined` when it is not there. */
async function readCarriedFiles(
  containerId: string,
  paths: readonly string[],
  environment: Session['environment'],
): Promise<readonly (string | undefined)[]> {
  const folder = await mkdtemp(join(tmpdir(), 'carried-'));
  try {
    const source = `${containerId}:${filesFolder}/.`;
    const { exitCode } = await execa('docker', ['cp', source, folder], { env: environment, reject: false });
    if (exitCode !== 0) return paths.map(() => undefined);
    return await Promise.all(paths.map((path) => readIfThere(join(folder, relative(filesFolder, path)))));
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function repair({ environment }: Session, drifts: readonly Drift[]): Promise<void> {
  for (const { containerId, repair: how } of drifts) {
    if (how === 'unpause') await execa('docker', ['unpause', containerId], { env: environment });
    else {
      await execa('docker', ['stop', containerId], { env: environment, reject: false });
      await execa('docker', ['rm', '--force', containerId], { env: environment });
    }
  }
}
