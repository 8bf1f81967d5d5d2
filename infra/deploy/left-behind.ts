import { execa } from 'execa';

import type { Session } from './stack-session.ts';

type StackOnEngine = Pick<Session, 'stackName' | 'environment'>;

/** Removes everything with the stack's labels, whoever made it. */
export async function removeLeftBehind(stack: StackOnEngine, onStep: (step: string) => void): Promise<void> {
  for (const kind of ['container', 'network', 'volume'] as const) {
    for (const id of await listLabelled(stack, kind)) await remove(stack, kind, { id, onStep });
  }
}

/**
 * Networks with the stack's labels that its state does not know: the engine takes two of one name, and then no
 * container that names it.
 */
export async function removeUnknownNetworks(
  stack: StackOnEngine,
  known: readonly string[],
  onStep: (step: string) => void,
): Promise<void> {
  const ids = await listLabelled(stack, 'network');
  for (const id of ids.filter((one) => !known.includes(one))) await remove(stack, 'network', { id, onStep });
}

const listing = {
  container: ['ps', '--all', '--quiet', '--no-trunc'],
  network: ['network', 'ls', '--quiet', '--no-trunc'],
  volume: ['volume', 'ls', '--quiet'],
} as const;
const removal = { container: ['rm', '--force'], network: ['network', 'rm'], volume: ['volume', 'rm'] } as const;

async function listLabelled(
  { stackName, environment }: StackOnEngine,
  kind: keyof typeof listing,
): Promise<readonly string[]> {
  const filter = `--filter=label=ticketing.stack=${stackName}`;
  const { stdout } = await execa('docker', [...listing[kind], filter], { env: environment });
  return stdout.split('\n').filter((line) => line !== '');
}

async function remove(
  { environment }: StackOnEngine,
  kind: keyof typeof removal,
  { id, onStep }: { readonly id: string; readonly onStep: (step: string) => void },
): Promise<void> {
  onStep(`the ${kind} ${id.slice(0, 32)} was left behind: removed`);
  await execa('docker', [...removal[kind], id], { env: environment });
}
