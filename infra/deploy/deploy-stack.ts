import { fileURLToPath } from 'node:url';

import type { OutputMap } from '@pulumi/pulumi/automation/index.js';
import { execa } from 'execa';

import { unlockAfterDeath } from './dead-deployment.ts';
import { inspectContainers, readState } from './deployed-containers.ts';
import { findDrift, findEditedFiles, repair } from './drift.ts';
import type { Session } from './stack-session.ts';

export const policyPack = fileURLToPath(new URL('../policy', import.meta.url));

export interface DeployOptions {
  /** What Pulumi prints, as it comes. */
  readonly onOutput: (text: string) => void;
  /** What is done beside Pulumi, in sentences. */
  readonly onStep: (step: string) => void;
  /** The policies need Pulumi's language host for Node.js, which its installer brings. */
  readonly policies?: boolean;
}

export interface Deployed {
  readonly outputs: OutputMap;
  /** Resources by what was done with them: `create`, `same`, `update`, `replace`, `delete`. */
  readonly changes: Readonly<Record<string, number>>;
}

/** Deploys a stack: takes up after a deployment that died, repairs what drifted, then changes what has to be changed. */
export async function deploy(
  session: Session,
  { onOutput, onStep, policies = true }: DeployOptions,
): Promise<Deployed> {
  await recover(session, onStep);
  const { stack } = session;
  const { outputs, summary } = await stack.up({
    refresh: true,
    color: 'never',
    suppressProgress: true,
    onOutput,
    ...(policies ? { policyPacks: [policyPack] } : {}),
  });
  return { outputs, changes: { ...summary.resourceChanges } };
}

async function recover(session: Session, onStep: (step: string) => void): Promise<void> {
  const { stack } = session;
  if (await unlockAfterDeath(session)) onStep('a deployment was killed: its lock is taken away');
  const { containers: expected, isInterrupted } = await readState(session);
  const actual = await inspectContainers(
    session,
    expected.map(({ name }) => name),
  );
  const drifts = [...findDrift(expected, actual), ...(await findEditedFiles(session, expected, actual))];
  for (const { name, what, repair: how } of drifts)
    onStep(`${name} ${what}: ${how === 'remove' ? 'made again' : 'unpaused'}`);
  await repair(session, drifts);
  if (isInterrupted) {
    onStep('a deployment was killed half-way: what it had begun is looked at');
    await stack.refresh({ clearPendingCreates: true, color: 'never', suppressOutputs: true });
  }
}

/**
 * Takes a stack away. `dev` and `bench` leave nothing, whatever died before; in `prod` the volumes with data stay, and
 * the state that knows them.
 */
export async function destroy(session: Session, { onOutput, onStep }: DeployOptions): Promise<void> {
  const { stack, stackName, kind } = session;
  await recover(session, onStep);
  await stack.destroy({
    refresh: true,
    color: 'never',
    suppressProgress: true,
    onOutput,
    excludeProtected: kind === 'prod',
  });
  if (kind === 'prod') return;
  await sweep(session, onStep);
  await stack.workspace.removeStack(stackName);
}

/** What has the stack's labels and is in no state. */
async function sweep({ stackName, environment }: Session, onStep: (step: string) => void): Promise<void> {
  const filter = `--filter=label=ticketing.stack=${stackName}`;
  for (const [kind, list, remove] of [
    ['container', ['ps', '--all', '--quiet', filter], ['rm', '--force']],
    ['network', ['network', 'ls', '--quiet', filter], ['network', 'rm']],
    ['volume', ['volume', 'ls', '--quiet', filter], ['volume', 'rm']],
  ] as const) {
    const { stdout } = await execa('docker', list, { env: environment });
    for (const id of stdout.split('\n').filter((line) => line !== '')) {
      onStep(`the ${kind} ${id} was left behind: removed`);
      await execa('docker', [...remove, id], { env: environment });
    }
  }
}
