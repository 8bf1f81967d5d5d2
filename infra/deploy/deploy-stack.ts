import { rm } from 'node:fs/promises';

import type { OutputMap } from '@pulumi/pulumi/automation/index.js';

import { removeLeftBehind } from './left-behind.ts';
import { recover } from './recover.ts';
import { policyPack, refuseViolations } from './refuse-violations.ts';
import type { Session } from './stack-session.ts';

export interface DeployOptions {
  /** What Pulumi prints, as it comes. */
  readonly onOutput: (text: string) => void;
  /** What is done beside Pulumi, in sentences. */
  readonly onStep: (step: string) => void;
  /** The policies need Pulumi's language host for Node.js, which its installer brings. */
  readonly policies?: boolean;
  /** Interrupts Pulumi, which ends what it is at and leaves the rest. */
  readonly signal?: AbortSignal;
}

export interface Deployed {
  readonly outputs: OutputMap;
  /** Resources by what was done with them: `create`, `same`, `update`, `replace`, `delete`. */
  readonly changes: Readonly<Record<string, number>>;
}

/**
 * Deploys a stack: takes up after a deployment that died, repairs what drifted, then changes what has to be changed.
 * @throws {DeployError} when a policy is violated, or another deployment goes on; nothing was changed then
 */
export async function deploy(
  session: Session,
  { onOutput, onStep, policies = true, signal }: DeployOptions,
): Promise<Deployed> {
  await recover(session, onStep, policies ? () => refuseViolations(session) : undefined);
  const { stack } = session;
  const { outputs, summary } = await stack.up({
    refresh: true,
    color: 'never',
    suppressProgress: true,
    onOutput,
    ...(policies ? { policyPacks: [policyPack] } : {}),
    ...(signal === undefined ? {} : { signal }),
  });
  return { outputs, changes: { ...summary.resourceChanges } };
}

/**
 * Takes a stack away. `dev` and `bench` leave nothing, whatever died before: their state, passphrase and secrets go as
 * well. In `prod` the volumes with data stay, and the state that knows them.
 */
export async function destroy(session: Session, { onOutput, onStep }: DeployOptions): Promise<void> {
  const { stack, stackName, kind, folder } = session;
  await recover(session, onStep);
  await stack.destroy({
    refresh: true,
    color: 'never',
    suppressProgress: true,
    onOutput,
    excludeProtected: kind === 'prod',
  });
  if (kind === 'prod') return;
  await removeLeftBehind(session, onStep);
  await stack.workspace.removeStack(stackName);
  await rm(folder, { recursive: true });
}
