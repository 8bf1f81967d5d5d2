import { execa } from 'execa';
import { inject } from 'vitest';

import { deploy, type Deployed } from '../../deploy/deploy-stack.ts';
import { openSession, type Session } from '../../deploy/stack-session.ts';

/** What this prints, of the engine of this run. */
export async function docker(...args: readonly string[]): Promise<string> {
  return (await execa('docker', args)).stdout;
}

/** A stack with the stand-ins of this run's engine: of kind dev, with nothing that only looks on, unless `settings` says so. */
export function openTrial(
  stackName: string,
  stateFolder: string,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<Session> {
  return openSession({ stackName, stateFolder, settings: { ...trialSettings(), ...settings } });
}

export function trialSettings(): Readonly<Record<string, unknown>> {
  const engine = inject('engine');
  return {
    kind: 'dev',
    serviceImage: engine?.serviceImage.tag,
    images: engine?.images,
    grafana: false,
    monitoring: false,
  };
}

/** Ids of everything with the stack's labels: containers, volumes, networks. */
export async function partsOf(stackName: string): Promise<readonly string[]> {
  const filter = `--filter=label=ticketing.stack=${stackName}`;
  const lists = await Promise.all([
    docker('ps', '--all', '--quiet', filter),
    docker('volume', 'ls', '--quiet', filter),
    docker('network', 'ls', '--quiet', filter),
  ]);
  return lists.flatMap((list) => list.split('\n')).filter((id) => id !== '');
}

/** How many resources a deployment has done something to. */
export function countTouched({ changes }: Deployed): number {
  return Object.entries(changes).reduce((sum, [kind, count]) => (kind === 'same' ? sum : sum + count), 0);
}

export async function isAnswering(outputs: Deployed['outputs']): Promise<boolean> {
  return (await fetch(`${String(outputs['apiUrl']?.value)}/performances`)).status === 200;
}

/** Deploys without a word, and without the policies, whose own test takes their seconds. */
export function deployTrial(session: Session, onStep: (step: string) => void = () => {}): Promise<Deployed> {
  return deploy(session, { onOutput: () => {}, onStep, policies: false });
}
