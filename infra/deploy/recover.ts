import { takeOverFromTheDead } from './dead-deployment.ts';
import { inspectContainers, readState } from './deployed-containers.ts';
import { type Drift, findDrift, findEditedFiles, repair } from './drift.ts';
import { removeUnknownNetworks } from './left-behind.ts';
import type { Session } from './stack-session.ts';

/** What a look at the engine has found that Pulumi's refresh does not see. */
interface Findings {
  readonly drifts: readonly Drift[];
  /** Of the networks that the state knows. */
  readonly networkIds: readonly string[];
  /** A deployment ended in the middle of something. */
  readonly isInterrupted: boolean;
}

/**
 * What comes before Pulumi's own work: takes up after a deployment that was killed, and repairs what its refresh does
 * not see. `mayGoOn` is waited for before anything is repaired.
 * @throws {DeployError} when another deployment of the stack goes on
 */
export async function recover(
  session: Session,
  onStep: (step: string) => void,
  mayGoOn: () => Promise<void> = async () => {},
): Promise<void> {
  await takeOverFromTheDead(session, onStep);
  const [findings] = await Promise.all([look(session), mayGoOn()]);
  await mend(session, findings, onStep);
}

async function look(session: Session): Promise<Findings> {
  const { containers: expected, networkIds, isInterrupted } = await readState(session);
  const actual = await inspectContainers(
    session,
    expected.map(({ name }) => name),
  );
  const drifts = [...findDrift(expected, actual), ...(await findEditedFiles(session, expected, actual))];
  return { drifts, networkIds, isInterrupted };
}

async function mend(
  session: Session,
  { drifts, networkIds, isInterrupted }: Findings,
  onStep: (step: string) => void,
): Promise<void> {
  for (const { name, what, repair: how } of drifts)
    onStep(`${name} ${what}: ${how === 'remove' ? 'made again' : 'unpaused'}`);
  await repair(session, drifts);
  await removeUnknownNetworks(session, networkIds, onStep);
  if (isInterrupted) {
    onStep('a deployment was killed half-way: what it had begun is looked at');
    await session.stack.refresh({ clearPendingCreates: true, color: 'never', suppressOutputs: true });
  }
}
