import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { execa } from 'execa';

import type { ActualContainer, ExpectedContainer } from './deployed-containers.ts';
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
  for (const { id, name, files } of expected.filter((container) => present.has(container.id))) {
    const edited: string[] = [];
    for (const [path, text] of Object.entries(files)) {
      if ((await readCarriedFile(id, path, environment)) !== text) edited.push(path);
    }
    if (edited.length > 0)
      drifts.push({ containerId: id, name, what: `has other texts in ${edited.join(', ')}`, repair: 'remove' });
  }
  return drifts;
}

/** `undefined` when it is not there. */
async function readCarriedFile(
  containerId: string,
  path: string,
  environment: Session['environment'],
): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'carried-'));
  try {
    const { exitCode } = await execa('docker', ['cp', `${containerId}:${path}`, join(folder, 'file')], {
      env: environment,
      reject: false,
    });
    return exitCode === 0 ? await readFile(join(folder, 'file'), 'utf8') : undefined;
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
